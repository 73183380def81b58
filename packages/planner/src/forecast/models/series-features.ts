/** What a model of one series is made of: features of a slot as seen from an origin, the newest slot that is known. */
import type { WeatherView } from '../weather/weather-runs.js'

export interface SeriesFeatures {
  /** How many features the linear model has. */
  width: number
  /** Where its coefficients begin at a horizon, in slots; `width` of them. */
  prior(lead: number): readonly number[]
  /** Usual error an hour ahead, share of the scale, before any was seen; it grows as the root of the hours. */
  noise: number
  /** Features that only the trees see, after the linear ones. */
  extras: number
  /** Slots are asked from here on, with what was known of the weather then. */
  begin(origin: number, view: WeatherView): void
  /** Writes width + extras finite numbers. @param lead slot − origin, from 1 */
  fill(slot: number, lead: number, out: Float64Array, offset: number): void
  /** E = S x W x T of the weather expected; absent where that means nothing. */
  study?(slot: number): number
  /** The slot is over; called after the series holds its value, which may be NaN. */
  note(slot: number, view: WeatherView): void
  /** Which of the bands' conditions: 0 .. conditions − 1. @param expected share of the scale */
  condition(slot: number, expected: number): number
  conditions: number
  /** Surely nothing to forecast: the sun is down. */
  dark(slot: number): boolean
}

/** Equal conditions by level, narrower near nothing, where errors are small. */
const LEVELS: readonly number[] = [0.03, 0.1, 0.2, 0.35, 0.55, 0.75]
export const LEVEL_CONDITIONS = LEVELS.length + 1
export const levelCondition = (share: number): number => {
  const index = LEVELS.findIndex(level => share < level)
  return index < 0 ? LEVELS.length : index
}
/** How much the present says of a time so many hours ahead, before that was learnt: half after some 8 h. */
export const fading = (hours: number): number => Math.exp(-hours / 12)
export const finite = (value: number, otherwise: number): number =>
  Number.isFinite(value) ? value : otherwise
