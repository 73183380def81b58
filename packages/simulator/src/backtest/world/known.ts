/**
 * What is known up to now. It is copied out of the scenario hour by hour, so that a policy holds nothing in which the
 * future could be looked up: what has not come yet is not there.
 */
import type { HourObservation, IssuedWeather } from '@heliotrope/planner'
import { HOUR } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { HostType, MoveModel, Scenario, ScenarioVm, SiteFacts } from '../scenario/scenario.js'

/** What never changes, and is known from the start. */
export interface Facts {
  pue: number
  host: HostType
  migration: MoveModel
  /** Hosts without VMs stand by. */
  standby: boolean
  sites: SiteFacts[]
  vms: ScenarioVm[]
  /** For each site, the number of its first host; one more entry at the end: hosts are numbered through. */
  firstHost: number[]
  /** For each host, its site. */
  siteOfHost: number[]
}

export interface Known {
  /** Begin of the hour that is to be decided on. */
  now: Ms
  /** How many scored hours are over. */
  hour: number
  /** For each site, the hours that are over, oldest first. */
  past: HourObservation[][]
  /** For each site, the rows of weather forecasts that are out; empty if the site has none. */
  issued: IssuedWeather[][]
  /** For each VM, the share of its vCPUs that was in use in each scored hour that is over. */
  load: number[][]
}

export interface Teller {
  known: Known
  /** Adds what became known by the begin of this scored hour; hours must come in order. */
  advance(hour: number): void
}

export function factsOf(scenario: Scenario, standby: boolean): Facts {
  const firstHost = [0]
  for (const site of scenario.sites) firstHost.push((firstHost.at(-1) as number) + site.hosts)
  return {
    pue: scenario.pue,
    host: { ...scenario.host },
    migration: { ...scenario.migration },
    standby,
    sites: scenario.sites.map(({ id, latitude, longitude, hosts, solarPeakW, windRatedW }) => ({
      id,
      latitude,
      longitude,
      hosts,
      solarPeakW,
      windRatedW,
    })),
    vms: scenario.vms.map(vm => ({ ...vm })),
    firstHost,
    siteOfHost: scenario.sites.flatMap((site, n) => Array.from({ length: site.hosts }, () => n)),
  }
}

export function teller(scenario: Scenario): Teller {
  const { sites, vms, start, historyFrom, historyHours } = scenario
  const known: Known = {
    now: start,
    hour: 0,
    past: sites.map(() => []),
    issued: sites.map(() => []),
    load: vms.map(() => []),
  }
  let told = 0
  return {
    known,
    advance(hour) {
      known.now = start + hour * HOUR
      known.hour = hour
      sites.forEach(({ series, issued }, n) => {
        const past = known.past[n] as HourObservation[]
        for (let at = told; at < historyHours + hour; at++) {
          // An hour of the history that is missing is not made up.
          if (Number.isNaN(series.solarW[at]! + series.windW[at]! + series.gridGPerKWh[at]!)) continue
          past.push(observation(series, at, historyFrom + at * HOUR))
        }
        const out = known.issued[n] as IssuedWeather[]
        while (
          issued &&
          out.length < issued.length &&
          (issued[out.length] as IssuedWeather).knownAt <= known.now
        )
          out.push({ ...(issued[out.length] as IssuedWeather) })
      })
      told = Math.max(told, historyHours + hour)
      known.load.forEach((load, vm) => {
        while (load.length < hour) load.push((scenario.load[vm] as Float64Array)[load.length] as number)
      })
    },
  }
}

function observation(series: Scenario['sites'][number]['series'], n: number, at: Ms): HourObservation {
  const { weather } = series
  const some = (name: 'ghiWm2' | 'tempC' | 'windMs'): object => {
    const value = weather?.[name][n]
    return value === undefined || Number.isNaN(value) ? {} : { [name]: value }
  }
  return {
    at,
    solarW: series.solarW[n] as number,
    windW: series.windW[n] as number,
    gridGPerKWh: series.gridGPerKWh[n] as number,
    ...(weather && { weather: { ...some('ghiWm2'), ...some('tempC'), ...some('windMs') } }),
  }
}
