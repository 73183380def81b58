/** Made-up weather forecasts: the truth, wrong by more the further ahead, issued once a day. */
import type { IssuedWeather } from '@heliotrope/planner'
import { DAY, HOUR } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { noise } from '../../world/noise.js'
import { OUT_AFTER } from '../scenario/issued.js'
import type { WeatherHour } from './made-up-weather.js'

const STEP_H = 3
const AHEAD_H = 72
/** Wind at 10 m over wind at hub height: (10 / 100) ^ 0.143, the one-seventh power law. */
const AT_10_M = 0.72

export function issuedFor(at: (at: Ms) => WeatherHour, from: Ms, to: Ms, seed: number): IssuedWeather[] {
  const rows: IssuedWeather[] = []
  const wrong = noise({ seed, stepMs: STEP_H * HOUR, persistence: 0.9 })
  for (let issuedAt = from; issuedAt < to; issuedAt += DAY)
    for (let lead = 0; lead < AHEAD_H; lead += STEP_H) {
      const validAt = issuedAt + lead * HOUR
      const hours = Array.from({ length: STEP_H }, (_, n) => at(validAt + n * HOUR))
      const mean = (of: (hour: WeatherHour) => number): number =>
        hours.reduce((sum, hour) => sum + of(hour), 0) / STEP_H
      // Each run is wrong in its own way: it takes its errors from another stretch of the process.
      const error = (0.1 + (0.3 * lead) / AHEAD_H) * wrong(7 * (issuedAt - from) + lead * HOUR)
      rows.push({
        issuedAt,
        knownAt: issuedAt + OUT_AFTER,
        validAt,
        spanMs: STEP_H * HOUR,
        ghiWm2: Number(Math.max(0, mean(hour => hour.ghiWm2) * (1 - error)).toFixed(1)),
        tempC: Number((mean(hour => hour.tempC) + 3 * error).toFixed(2)),
        windMs: Number(Math.max(0, AT_10_M * mean(hour => hour.windMs) * (1 + error)).toFixed(2)),
      })
    }
  return rows
}
