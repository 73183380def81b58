/**
 * What carbon a site's power is expected to cost, slot by slot. Slots are as the forecasts have them at first and grow
 * with distance: the hour in which to move tomorrow is decided tomorrow.
 */
import type { Ms, SiteId, W, Wh } from '@heliotrope/shared'
import type { SiteForecast } from '../forecast/types.js'
import type { Policy } from '../types.js'

const HOUR: Ms = 3_600_000
/** Weights of the 10, 50 and 90 % quantiles that give a distribution's mean (Swanson's rule, 30-40-30). */
const EXPECTED = [0.3, 0.4, 0.3] as const
const SCENARIOS = 3

export type Weights = readonly [number, number, number]

/** From counting on the 10 % quantile only to the expected value. */
export function weightsAt(quantile: number): Weights {
  const towards = Math.min(1, Math.max(0, (quantile - 0.1) / 0.4))
  const [low, mid, high] = EXPECTED
  return [1 - towards * (1 - low), towards * mid, towards * high]
}

/** Each quantile for itself. */
export const SCENARIO_WEIGHTS: readonly Weights[] = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
]

export interface Slot {
  start: Ms
  hours: number
}

/** One site over all slots. A piece is one slot of the forecast or what is left of it. */
export class SiteOutlook {
  readonly id: SiteId
  readonly #from: readonly number[]
  readonly #hours: readonly number[]
  readonly #green: readonly (readonly number[])[]
  readonly #grid: readonly number[]

  /** @param from first piece of each slot, and one more: the number of pieces */
  constructor(
    id: SiteId,
    from: readonly number[],
    pieces: { hours: number; index: number }[],
    forecast: SiteForecast,
  ) {
    const { p10, p50, p90 } = forecast.greenW
    this.id = id
    this.#from = from
    this.#hours = pieces.map(piece => piece.hours)
    this.#green = [p10, p50, p90].map(band => pieces.map(piece => Math.max(0, band[piece.index] as number)))
    this.#grid = pieces.map(piece => Math.max(0, forecast.gridGPerKWh.p50[piece.index] as number))
  }

  /** Grid energy of a slot at this power, in Wh, expected. */
  gridWh(slot: number, power: W, weights: Weights): Wh {
    return this.#over(slot, power, weights, () => 1)
  }

  /** gCO2eq of a slot at this power: what green power does not cover comes from the grid. */
  grams(slot: number, power: W, weights: Weights): number {
    return this.#over(slot, power, weights, piece => (this.#grid[piece] as number) / 1000)
  }

  /** Mean grid intensity of a slot, gCO2eq/kWh. */
  intensity(slot: number): number {
    let [grams, hours] = [0, 0]
    for (let piece = this.#from[slot] as number; piece < (this.#from[slot + 1] as number); piece++) {
      grams += (this.#grid[piece] as number) * (this.#hours[piece] as number)
      hours += this.#hours[piece] as number
    }
    return hours > 0 ? grams / hours : 0
  }

  #over(slot: number, power: W, weights: Weights, factor: (piece: number) => number): number {
    let total = 0
    for (let piece = this.#from[slot] as number; piece < (this.#from[slot + 1] as number); piece++) {
      let beyond = 0
      for (let n = 0; n < SCENARIOS; n++)
        beyond +=
          (weights[n] as number) * Math.max(0, power - ((this.#green[n] as number[])[piece] as number))
      total += beyond * (this.#hours[piece] as number) * factor(piece)
    }
    return total
  }
}

export interface Outlook {
  slots: Slot[]
  sites: Map<SiteId, SiteOutlook>
}

/** Slots of one piece each for 8 h, then of about 2 h up to a day, then of 4 h. */
const growth = (aheadMs: Ms): Ms => (aheadMs < 8 * HOUR ? 0 : aheadMs < 24 * HOUR ? 2 * HOUR : 4 * HOUR)

/**
 * @param forecasts of the sites that take part, at least one, all on the same grid of slots
 * @returns no slots if no forecast reaches beyond now
 */
export function outlook(at: Ms, forecasts: readonly SiteForecast[], policy: Policy): Outlook {
  const [first] = forecasts
  if (first === undefined) return { slots: [], sites: new Map() }
  const { start, slotMs } = first
  const length = Math.min(...forecasts.map(forecast => forecast.greenW.p50.length))
  const pieces: { hours: number; index: number }[] = []
  const slots: Slot[] = []
  const from: number[] = []
  for (let index = 0; index < length; index++) {
    const begin = Math.max(at, start + index * slotMs)
    const end = Math.min(start + (index + 1) * slotMs, at + policy.horizonMs)
    if (end <= begin) continue
    const last = slots.at(-1)
    if (last && last.start + growth(last.start - at) > begin) last.hours += (end - begin) / HOUR
    else {
      slots.push({ start: begin, hours: (end - begin) / HOUR })
      from.push(pieces.length)
    }
    pieces.push({ hours: (end - begin) / HOUR, index })
  }
  from.push(pieces.length)
  return {
    slots,
    sites: new Map(
      forecasts.map(forecast => [forecast.site, new SiteOutlook(forecast.site, from, pieces, forecast)]),
    ),
  }
}
