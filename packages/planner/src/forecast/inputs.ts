/** What a forecaster is told: what was measured, and weather forecasts as they were issued. Plain values. */
import type { Fraction, GCO2eqPerKWh, Ms, SiteId, W } from '@heliotrope/shared'

/** What was measured in the hour (slot) that begins at `at`; known when that slot is over. */
export interface HourObservation {
  at: Ms
  /** Mean W; give the sources where they are metered apart, else `greenW` for all of it. */
  solarW?: W
  windW?: W
  greenW?: W
  /** Mean carbon intensity of the grid, gCO2eq/kWh. */
  gridGPerKWh?: GCO2eqPerKWh
  weather?: Weather
}

/** Means over a time; each value may be missing. */
export interface Weather {
  /** Global horizontal irradiance, W/m2. */
  ghiWm2?: number
  tempC?: number
  /** Wind speed at whatever height: the models learn from the site's own meter what it means. */
  windMs?: number
}

/** One line of a forecast as it was issued: of the weather, or of the grid by those who run it. */
export interface IssuedWeather extends Weather {
  gridGPerKWh?: GCO2eqPerKWh
  issuedAt: Ms
  /** When it could first be had; nothing is made of it before. */
  knownAt: Ms
  /** The mean is over `validAt` .. `validAt + spanMs`. */
  validAt: Ms
  spanMs: Ms
}

export interface SiteForecasterOptions {
  site: SiteId
  latitude: number
  longitude: number
  /** Nominal W of the panels and turbines; 0 for none. A bound for the bands, and where to begin without history. */
  solarPeakW: W
  windRatedW: W
  /** Degrees from the horizontal, and from north over east; flat if not given. */
  panel?: { tiltDeg: number; azimuthDeg: number }
  /** Used until the grid's intensity is known better. */
  gridGPerKWh?: GCO2eqPerKWh
  /** One slot, 1 h if not given; must divide a day. */
  slotMs?: Ms
  /** How far ahead it learns; beyond, the last horizon's models are used. 48 slots if not given. */
  maxSlots?: number
  /** Weather forecasts will be issued; if not given, whether there are any at the first observation. */
  issued?: boolean
  /** The most that was ever measured, for a site that does not declare what it has. */
  mostSeenW?: W
  /** Only the sum of all sources is metered; if not given, what the first observations say. */
  together?: boolean
  /** As `issued`, for forecasts of the grid's intensity. */
  gridIssued?: boolean
  /** Trees on what the linear model leaves over; true if not given. */
  trees?: boolean
}

/** How one model did at one horizon, over what it was scored on. */
export interface HorizonScore {
  /** Slots from now to the end of the slot that was forecast: 1 is the slot that holds now. */
  horizon: number
  count: number
  /** Mean absolute error of the forecast that was given out, W or gCO2eq/kWh. */
  mae: number
  /** Of each model that took part, by name. */
  models: Record<string, number>
  /** The best of the plain references (persistence, same hour yesterday, climatology, their mix), and its error. */
  reference: string
  referenceMae: number
  /** 1 − mae / referenceMae. */
  skill: number
  /** Share of what came that lay within p10 .. p90. */
  coverage: Fraction
  /** Mean pinball loss of p10, p50, p90. */
  pinball: number
}

export interface SourceScore {
  source: 'solar' | 'wind' | 'green' | 'grid'
  horizons: HorizonScore[]
}

/** What was odd in the input: kept as counts, so that a stream of nonsense cannot fill memory. */
export interface InputFlag {
  code: 'missing' | 'duplicate' | 'backwards' | 'not-a-number' | 'negative' | 'out-of-range' | 'off-grid'
  /** What, in words for people. */
  text: string
  count: number
  /** Of the slot in which it was last seen. */
  lastAt: Ms
}
