/** Whether a site's forecast and meter may be acted upon. What is missing, old, or no number is explained, never guessed. */
import type { Ms, SiteState } from '@heliotrope/shared'
import type { Band, SiteForecast } from '../forecast/types.js'
import type { Policy, Reason } from '../types.js'
import { trustedGreenW } from './trusted-green.js'

/** Beyond these a number is a unit mistaken for another, not weather: a gigawatt at a site; any fuel's intensity. */
const MOST_GREEN_W = 1e9
const MOST_GRID_G = 5_000

/** Undefined if it may be used. */
export function forecastReason(
  site: SiteState,
  forecast: SiteForecast | undefined,
  at: Ms,
  policy: Policy,
): Reason | undefined {
  if (forecast === undefined) return { code: 'no-forecast', text: `there is no forecast for site ${site.id}` }
  const unfit = (text: string): Reason => ({
    code: 'no-forecast',
    text: `the forecast for site ${site.id} ${text}`,
  })
  const { start, slotMs, issuedAt, greenW, gridGPerKWh } = forecast
  if (![start, slotMs, issuedAt].every(Number.isFinite) || slotMs <= 0) return unfit('has no valid times')
  if (issuedAt > at) return unfit('was made in the future: a clock is off')
  if (at - issuedAt > policy.forecastMaxAgeMs)
    return unfit(`was made ${Math.round((at - issuedAt) / 60_000)} min ago`)
  const length = greenW.p50.length
  if (start > at || start + length * slotMs <= at) return unfit('does not reach over now')
  const bad = badBand(greenW, length, MOST_GREEN_W) ?? badBand(gridGPerKWh, length, MOST_GRID_G)
  if (bad) return unfit(bad)
  if (trustedGreenW(site) !== undefined) return undefined
  // A site without any generation needs no meter for it.
  if (site.greenQuality === 'missing' && greenW.p90.every(watts => watts === 0)) return undefined
  return {
    code: 'green-unknown',
    text: `the green power of site ${site.id} is not known (${site.greenQuality})`,
  }
}

function badBand(band: Band, length: number, most: number): string | undefined {
  const { p10, p50, p90 } = band
  if ([p10, p50, p90].some(quantile => quantile.length !== length)) return 'has series of different lengths'
  for (let n = 0; n < length; n++) {
    const [low, mid, high] = [p10[n] as number, p50[n] as number, p90[n] as number]
    if (![low, mid, high].every(value => Number.isFinite(value) && value >= 0 && value <= most))
      return `has the impossible values ${low}, ${mid}, ${high}`
    if (low > mid || mid > high) return `has quantiles out of order: ${low}, ${mid}, ${high}`
  }
  return undefined
}
