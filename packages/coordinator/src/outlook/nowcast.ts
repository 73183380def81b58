/**
 * Brings a forecast up to this minute: forecasters learn from whole hours, but a plan is made within one. Pure. The slot
 * that holds now is what the meter says; the difference fades over the slots after it, never beyond their own bands.
 */
import type { Band, SiteForecast } from '@heliotrope/planner'
import type { Ms, W } from '@heliotrope/shared'
import { HOUR } from '@heliotrope/shared'

/** After so long half of what is unusual now is expected to be left. */
const HALF_LIFE_MS: Ms = HOUR

/** @param greenW of the site now, as metered; undefined if no meter can be trusted: then the forecast stands */
export function nowcast(forecast: SiteForecast, greenW: W | undefined, at: Ms): SiteForecast {
  const { start, slotMs } = forecast
  const inside = at >= start && at < start + slotMs
  if (greenW === undefined || !inside || forecast.greenW.p50.length === 0) return forecast
  return { ...forecast, greenW: towards(forecast.greenW, greenW, slotMs) }
}

function towards(band: Band, nowW: W, slotMs: Ms): Band {
  const away = nowW - (band.p50[0] as number)
  const keep = 0.5 ** (slotMs / HALF_LIFE_MS)
  const shifted = band.p50.map((value, slot) => {
    const moved = value + away * keep ** slot
    return Math.min(Math.max(moved, band.p10[slot] as number), band.p90[slot] as number)
  })
  const first = <T>(series: readonly T[], value: T): T[] => [value, ...series.slice(1)]
  return { p10: first(band.p10, nowW), p50: first(shifted, nowW), p90: first(band.p90, nowW) }
}
