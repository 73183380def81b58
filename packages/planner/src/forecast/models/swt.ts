/** The formula of the study that this project began with, as a forecaster of its own: kept for comparison, never blended in. */
import type { Weather } from '../inputs.js'

/** Full sunlight, W/m2: S is a share of it. */
const FULL_SUN_WM2 = 1000
/** Weight of the past after one hour: two months. */
const FADE = 0.9993

/** E = S x W x T (van Kleef 2009): S 0..1, W in m/s, T in degrees Celsius, none below 0; NaN if one is unknown. */
export function studyEnergy({ ghiWm2 = NaN, windMs = NaN, tempC = NaN }: Weather): number {
  return Math.max(0, ghiWm2 / FULL_SUN_WM2) * Math.max(0, windMs) * Math.max(0, tempC)
}

/** The formula names no unit: one factor, by least squares against the site's own meter, makes power of it. */
export class StudyForecaster {
  #product = 0
  #square = 0

  learn(energy: number, measured: number): void {
    if (!Number.isFinite(energy * measured)) return
    this.#product = FADE * this.#product + energy * measured
    this.#square = FADE * this.#square + energy * energy
  }

  /** 0 while nothing was learnt or the weather is unknown. */
  forecast(energy: number): number {
    const value = this.#square > 1e-12 ? (energy * this.#product) / this.#square : 0
    return Number.isFinite(value) ? Math.max(0, value) : 0
  }
}
