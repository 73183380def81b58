/** A backtest scenario in memory: a fleet of sites with their real series, hour by hour. Times are ms since 1970 UTC. */
import type { IssuedWeather } from '@heliotrope/planner'
import type { Fraction, MiB, Ms, W } from '@heliotrope/shared'

/** All hosts are the same. Power is idle + (peak - idle) x busy cores / cores. */
export interface HostType {
  cores: number
  memoryMiB: MiB
  idleW: W
  peakW: W
  /** Drawn while it holds no VM. */
  standbyW: W
  /** At idle power, before it takes its first VM. */
  wakeS: number
}

/** What a move takes and costs (joules: Liu et al. 2011, on each of the two hosts). */
export interface MoveModel {
  linkMbitS: number
  hostJoulesPerMiB: number
  hostJoulesFixed: number
  /** None inside a site. */
  wanWhPerGiB: number
  maxParallelPerHost: number
}

/** One entry an hour, from `historyFrom` on; the mean over the hour that begins then. In the history NaN: missing. */
export interface SiteSeries {
  solarW: Float64Array
  windW: Float64Array
  gridGPerKWh: Float64Array
  /** Measured on site; NaN where a value is missing. Absent: the scenario has none. */
  weather?: { ghiWm2: Float64Array; tempC: Float64Array; windMs: Float64Array }
}

/** What is known of a site from the start. */
export interface SiteFacts {
  id: string
  latitude: number
  longitude: number
  hosts: number
  solarPeakW: W
  windRatedW: W
}

export interface ScenarioSite extends SiteFacts {
  series: SiteSeries
  /** Weather forecasts as they were issued, by `knownAt`; null: none. */
  issued: IssuedWeather[] | null
}

export interface ScenarioVm {
  id: string
  vcpus: number
  memoryMiB: MiB
  dirtyMiBps: number
  /** Index of the site where it runs at the start. */
  site: number
}

export interface Scenario {
  name: string
  source: string
  pue: number
  host: HostType
  migration: MoveModel
  historyFrom: Ms
  start: Ms
  end: Ms
  /** Hours before `start`, which may be learnt from, and hours that are scored. */
  historyHours: number
  hours: number
  sites: ScenarioSite[]
  vms: ScenarioVm[]
  /** For each VM: mean share of its own vCPUs in use, an entry for each scored hour. */
  load: Float64Array[]
  /** Share of the bound's saving that whole hosts can reach with perfect foresight, where the author states it. */
  attainable?: Fraction
  /** What was odd in the files and how it was mended, in words for people. */
  flags: string[]
}
