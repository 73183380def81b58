/**
 * A weather service in a made-up world, behind the coordinator's own HTTP port and in the format that it knows: good for
 * the next hours, fading to the ordinary within days. And what a site's meter would have shown before the world began.
 */
import type { HourObservation } from '@heliotrope/planner'
import type { Clock, Ms } from '@heliotrope/shared'
import { DAY, HOUR, MINUTE, SECOND } from '@heliotrope/shared'
import type { SiteSpec } from './spec.js'
import { clearSkyWm2, cloudFactor, sunSine } from './sun.js'
import { MEAN_CLOUD, MEAN_WIND_MPS } from './weather.js'
import type { Weather } from './weather.js'

/** A run is made so often, and reaches so far. */
const EVERY_MS: Ms = 6 * HOUR
const REACH_HOURS = 60
/** After so long a third of the skill is left. */
const SKILL_MS: Ms = 36 * HOUR

export const weatherUrl = (site: SiteSpec): string => `http://weather.example/${site.id}`

/** Answers as an Open-Meteo compatible server does; 404 for a place that this world does not have. */
export function weatherService(
  clock: Pick<Clock, 'wall'>,
  sites: readonly SiteSpec[],
  weathers: ReadonlyMap<string, Weather>,
): (url: string) => Promise<Response> {
  return async url => {
    const site = sites.find(({ id }) => new URL(url).pathname === `/${id}`)
    const weather = site && weathers.get(site.id)
    if (!site || !weather) return new Response('no such place', { status: 404 })
    const headers = { 'content-type': 'application/json' }
    return new Response(JSON.stringify(runOf(site, weather, clock.wall())), { headers })
  }
}

/** The newest run. Radiation is the mean of the hour before its time, wind that of the moment (open-meteo.com/en/docs). */
function runOf(site: SiteSpec, weather: Weather, now: Ms): object {
  const made = Math.floor(now / EVERY_MS) * EVERY_MS
  const times = Array.from({ length: REACH_HOURS }, (_, i) => made + i * HOUR)
  const faded = (at: Ms, value: number, mean: number): number => {
    const skill = Math.exp(-Math.max(0, at - made) / SKILL_MS)
    return skill * value + (1 - skill) * mean
  }
  const radiation = (end: Ms): number => {
    const middle = end - HOUR / 2
    const cloud = faded(middle, weather.cloud(middle), MEAN_CLOUD)
    return clearSkyWm2(sunSine(site.latitude, site.longitude, middle)) * cloudFactor(cloud)
  }
  return {
    utc_offset_seconds: 0,
    hourly_units: { time: 'unixtime', shortwave_radiation: 'W/m²', wind_speed_10m: 'm/s' },
    hourly: {
      time: times.map(at => at / SECOND),
      shortwave_radiation: times.map(radiation),
      wind_speed_10m: times.map(at => faded(at, weather.windMps(at), MEAN_WIND_MPS)),
    },
  }
}

/** Whole hours before `until`, as the meter would have had them. */
export function pastHours(
  weather: Weather,
  until: Ms,
  days: number,
): (HourObservation & { greenW: number })[] {
  const end = Math.floor(until / HOUR) * HOUR
  return Array.from({ length: (days * DAY) / HOUR }, (_, i) => {
    const at = end - days * DAY + i * HOUR
    const looks = Array.from({ length: 6 }, (_, look) => weather.greenW(at + (look + 0.5) * 10 * MINUTE))
    return { at, greenW: looks.reduce((sum, watts) => sum + watts, 0) / looks.length }
  })
}
