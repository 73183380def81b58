/** The made-up weather of one site, and the green power it gives. */
import type { Ms, W } from '@heliotrope/shared'
import { DAY, MINUTE } from '@heliotrope/shared'
import { noise, seedFor } from './noise.js'
import type { SiteSpec } from './spec.js'
import { panelW, sunSine } from './sun.js'

export interface Weather {
  /** W from panels and turbines. */
  greenW(at: Ms): W
  /** 0..1 */
  cloud(at: Ms): number
  windMps(at: Ms): number
}

/** Of the made-up weather everywhere. */
export const MEAN_CLOUD = 0.3
export const MEAN_WIND_MPS = 6
/** The weather is older than the world: so long before its start a forecaster could have been taught. */
export const PAST_MS: Ms = 40 * DAY

export function siteWeather(site: SiteSpec, seed: number, startWall: Ms): Weather {
  const began = startWall - PAST_MS
  const process = (name: string, persistence: number): Process =>
    processOf(seedFor(seed, `${site.id}/${name}`), persistence)
  const clouds = process('cloud', 0.97)
  const winds = process('wind', 0.985)
  const weather: Weather = {
    cloud: at => Math.min(1, Math.max(0, MEAN_CLOUD + 0.3 * clouds(at - began))),
    windMps: at => Math.max(0, MEAN_WIND_MPS + 3 * winds(at - began)),
    greenW(at) {
      const sine = sunSine(site.latitude, site.longitude, at)
      return (
        panelW(site.panelPeakW, sine, weather.cloud(at)) + turbineW(site.turbineRatedW, weather.windMps(at))
      )
    },
  }
  return weather
}

type Process = (since: Ms) => number

/** Thousands of fault runs live under one sky, whose past costs as much to make as their present. */
const made = new Map<string, Process>()
const KEPT = 64

function processOf(seed: number, persistence: number): Process {
  const name = `${seed} ${persistence}`
  const known = made.get(name)
  if (known) return known
  if (made.size >= KEPT) made.clear()
  const process = noise({ seed, stepMs: 10 * MINUTE, persistence })
  made.set(name, process)
  return process
}

/** Cut-in 3 m/s, rated from 12, off above 25; cubic between. */
export function turbineW(ratedW: W, mps: number): W {
  if (mps < 3 || mps > 25) return 0
  return mps >= 12 ? ratedW : ratedW * ((mps ** 3 - 27) / (12 ** 3 - 27))
}
