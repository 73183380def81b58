/**
 * Two small scenarios from first principles, so that the backtest shows itself without anybody's data: position of the
 * sun, clear-sky irradiance, clouds and wind as autoregressive processes, panel and turbine curves. The same seed gives the
 * same scenario. They are made to exercise the code, not to claim a saving.
 */
import { DAY, HeliotropeError, HOUR, seededRng } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { noise, seedFor } from '../../world/noise.js'
import type { HostType, MoveModel, Scenario, ScenarioSite, ScenarioVm } from '../scenario/scenario.js'
import { issuedFor } from './made-up-forecast.js'
import { siteWeather } from './made-up-weather.js'

export interface MadeUp {
  name: string
  start: Ms
  historyDays: number
  days: number
  /** Weather is measured on site, or forecasts are issued. */
  weather: 'measured' | 'issued'
  vms: number
  sites: {
    id: string
    latitude: number
    longitude: number
    hosts: number
    solarPeakW: number
    windRatedW: number
    meanWindMs: number
    gridGPerKWh: number
  }[]
}

export const MADE_UP: Record<string, MadeUp> = {
  sunny: {
    name: 'sunny',
    start: Date.UTC(2025, 5, 10),
    historyDays: 21,
    days: 5,
    weather: 'measured',
    vms: 20,
    sites: [
      {
        id: 'east',
        latitude: 35,
        longitude: 120,
        hosts: 3,
        solarPeakW: 900,
        windRatedW: 100,
        meanWindMs: 5,
        gridGPerKWh: 600,
      },
      {
        id: 'middle',
        latitude: 45,
        longitude: 10,
        hosts: 3,
        solarPeakW: 800,
        windRatedW: 200,
        meanWindMs: 6,
        gridGPerKWh: 350,
      },
      {
        id: 'west',
        latitude: 38,
        longitude: -110,
        hosts: 3,
        solarPeakW: 900,
        windRatedW: 100,
        meanWindMs: 5,
        gridGPerKWh: 450,
      },
      {
        id: 'coast',
        latitude: 52,
        longitude: -5,
        hosts: 2,
        solarPeakW: 150,
        windRatedW: 500,
        meanWindMs: 8,
        gridGPerKWh: 250,
      },
    ],
  },
  windy: {
    name: 'windy',
    start: Date.UTC(2025, 1, 10),
    historyDays: 21,
    days: 5,
    weather: 'issued',
    vms: 18,
    sites: [
      {
        id: 'north',
        latitude: 58,
        longitude: 12,
        hosts: 2,
        solarPeakW: 100,
        windRatedW: 600,
        meanWindMs: 8,
        gridGPerKWh: 60,
      },
      {
        id: 'sea',
        latitude: 54,
        longitude: 6,
        hosts: 2,
        solarPeakW: 0,
        windRatedW: 700,
        meanWindMs: 9,
        gridGPerKWh: 380,
      },
      {
        id: 'plain',
        latitude: 40,
        longitude: -100,
        hosts: 3,
        solarPeakW: 500,
        windRatedW: 500,
        meanWindMs: 7,
        gridGPerKWh: 500,
      },
    ],
  },
}

const HOST: HostType = { cores: 32, memoryMiB: 131072, idleW: 110, peakW: 340, standbyW: 8, wakeS: 180 }
const MOVES: MoveModel = {
  linkMbitS: 1000,
  hostJoulesPerMiB: 0.512,
  hostJoulesFixed: 20.2,
  wanWhPerGiB: 5,
  maxParallelPerHost: 1,
}

/** @throws HeliotropeError bad-input for a name that is none of them */
export function madeUpScenario(name: string, seed = 1): Scenario {
  const made = Object.hasOwn(MADE_UP, name) ? MADE_UP[name] : undefined
  if (!made) {
    const remedy = `There are: ${Object.keys(MADE_UP).join(', ')}.`
    throw new HeliotropeError('bad-input', `no made-up scenario is called '${name}'`, { remedy })
  }
  return makeUp(made, seed)
}

export function makeUp(made: MadeUp, seed: number): Scenario {
  const historyHours = (made.historyDays * DAY) / HOUR
  const hours = (made.days * DAY) / HOUR
  const historyFrom = made.start - made.historyDays * DAY
  const vms = makeVms(made, seed)
  return {
    name: `made up: ${made.name}`,
    source: 'made up from first principles',
    pue: 1.2,
    host: HOST,
    migration: MOVES,
    historyFrom,
    start: made.start,
    end: made.start + made.days * DAY,
    historyHours,
    hours,
    sites: made.sites.map((site): ScenarioSite => {
      const at = siteWeather(site, historyFrom, seedFor(seed, site.id))
      const each = (of: (at: Ms) => number): Float64Array =>
        Float64Array.from({ length: historyHours + hours }, (_, hour) => of(historyFrom + hour * HOUR))
      const { id, latitude, longitude, solarPeakW, windRatedW } = site
      return {
        id,
        latitude,
        longitude,
        hosts: site.hosts,
        solarPeakW,
        windRatedW,
        series: {
          solarW: each(hour => at(hour).solarW),
          windW: each(hour => at(hour).windW),
          gridGPerKWh: each(hour => at(hour).gridGPerKWh),
          ...(made.weather === 'measured' && {
            weather: {
              ghiWm2: each(hour => at(hour).ghiWm2),
              tempC: each(hour => at(hour).tempC),
              windMs: each(hour => at(hour).windMs),
            },
          }),
        },
        issued:
          made.weather === 'issued'
            ? issuedFor(at, historyFrom, made.start + made.days * DAY, seedFor(seed, `${site.id}/issued`))
            : null,
      }
    }),
    vms,
    load: vms.map(vm => makeLoad(hours, seedFor(seed, vm.id))),
    flags: [],
  }
}

function makeVms(made: MadeUp, seed: number): ScenarioVm[] {
  const rng = seededRng(seedFor(seed, 'vms'))
  const pick = (from: readonly number[]): number => from[Math.floor(rng.fraction() * from.length)]!
  return Array.from({ length: made.vms }, (_, n) => ({
    id: `vm${String(n).padStart(2, '0')}`,
    vcpus: pick([1, 2, 4, 8]),
    memoryMiB: pick([2048, 4096, 8192, 16384]),
    dirtyMiBps: Math.round(10 * Math.exp(3.5 * rng.fraction())) / 10,
    site: n % made.sites.length,
  }))
}

/** More by day than by night, and restless. */
function makeLoad(hours: number, seed: number): Float64Array {
  const wander = noise({ seed, stepMs: HOUR, persistence: 0.9 })
  const mean = 0.05 + 0.5 * seededRng(seed).fraction() ** 2
  return Float64Array.from({ length: hours }, (_, hour) => {
    const day = 1 + 0.4 * Math.sin((2 * Math.PI * (hour - 8)) / 24)
    return Math.round(1e4 * Math.min(1, Math.max(0.005, mean * day * (1 + 0.3 * wander(hour * HOUR))))) / 1e4
  })
}
