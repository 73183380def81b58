/** Made-up weather of one site, and what panel and turbine make of it; rounded as files hold it. */
import { DAY, HOUR } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { noise, seedFor } from '../../world/noise.js'
import { panelW, sunSine } from '../../world/sun.js'
import { turbineW } from '../../world/weather.js'

export interface WeatherHour {
  ghiWm2: number
  tempC: number
  windMs: number
  solarW: number
  windW: number
  gridGPerKWh: number
}

export interface WeatherSite {
  latitude: number
  longitude: number
  solarPeakW: number
  windRatedW: number
  meanWindMs: number
  gridGPerKWh: number
}

/** The sun moves within an hour: means over so many instants. */
const INSTANTS = 4

const round = (value: number, digits: number): number => Number(value.toFixed(digits))

/** @returns for the begin of an hour, its means */
export function siteWeather(site: WeatherSite, from: Ms, seed: number): (at: Ms) => WeatherHour {
  const process = (name: string, stepMs: Ms, persistence: number): ((since: Ms) => number) =>
    noise({ seed: seedFor(seed, name), stepMs, persistence })
  const clouds = process('clouds', 3 * HOUR, 0.85)
  const gusts = process('wind', 3 * HOUR, 0.9)
  const warmth = process('warmth', DAY, 0.8)
  const grid = process('grid', 6 * HOUR, 0.9)
  return at => {
    const since = at - from
    const cloud = 1 / (1 + Math.exp(-1.5 * clouds(since)))
    const instants = Array.from({ length: INSTANTS }, (_, n) => at + ((n + 0.5) * HOUR) / INSTANTS)
    // A panel of 1000 W shows the irradiance itself.
    const ghi = instants.reduce(
      (sum, t) => sum + panelW(1000, sunSine(site.latitude, site.longitude, t), cloud),
      0,
    )
    const ghiWm2 = ghi / INSTANTS
    const sine = sunSine(site.latitude, site.longitude, at + HOUR / 2)
    const tempC = 12 + 8 * sine + 4 * warmth(since)
    const windMs = Math.max(0, site.meanWindMs * (1 + 0.45 * gusts(since)))
    // Cells lose 0.4 % a degree, and are 30 degrees above the air in full sun; a tenth is lost on the way.
    const cellC = tempC + (30 * ghiWm2) / 1000
    const solarW = (site.solarPeakW * 0.9 * ghiWm2 * (1 - 0.004 * (cellC - 25))) / 1000
    return {
      ghiWm2: round(ghiWm2, 0),
      tempC: round(tempC, 1),
      windMs: round(windMs, 3),
      solarW: round(Math.max(0, solarW), 0),
      windW: round(turbineW(site.windRatedW, windMs), 0),
      gridGPerKWh: round(site.gridGPerKWh * (1 + 0.15 * grid(since) - 0.1 * Math.max(0, sine)), 2),
    }
  }
}
