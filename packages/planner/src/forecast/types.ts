/** What is expected of a site, slot by slot. Plain values, so that a decision can be stored with them and replayed. */
import type { Ms, SiteId } from '@heliotrope/shared'

/** Quantiles of one quantity, an entry a slot: 10, 50 and 90 % of what came, in the past, lay below. */
export interface Band {
  p10: readonly number[]
  p50: readonly number[]
  p90: readonly number[]
}

/** One site from `start` on; all series have one entry for each slot, the mean over that slot. */
export interface SiteForecast {
  site: SiteId
  /** Nothing that became known after this went into it. */
  issuedAt: Ms
  /** Begin of the first slot; the slot that holds now is the first. */
  start: Ms
  slotMs: Ms
  /** Green power on site, W. */
  greenW: Band
  /** Carbon intensity of the site's grid, gCO2eq/kWh. */
  gridGPerKWh: Band
  /** How it was made, in words for people: models and the reference they beat. */
  basis: string
}
