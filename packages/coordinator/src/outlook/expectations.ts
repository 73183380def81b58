/** What the planner is told of the hours ahead: each site's forecast, brought up to the minute by its meter. Pure. */
import type { SiteForecast } from '@heliotrope/planner'
import { HOUR } from '@heliotrope/shared'
import type { Ms, SiteState, W } from '@heliotrope/shared'
import { nowcast } from './nowcast.js'

/** Of a site without a forecast; as far as forecasts reach. */
const SLOTS = 48
/** Without any past, a meter's reading of now says nothing beyond so many hours. */
const BLIND_HOURS = 12

/**
 * @param forecasts of the sites that have one
 * @returns one for each site of which anything is known
 */
export function expectations(
  at: Ms,
  sites: readonly SiteState[],
  forecasts: readonly SiteForecast[],
): SiteForecast[] {
  return sites.flatMap(site => {
    const forecast = forecasts.find(candidate => candidate.site === site.id)
    if (forecast) return nowcast(forecast, site.greenW, at)
    return site.greenW === undefined ? [] : blind(site, site.greenW, at)
  })
}

/** The meter of now, believed less from hour to hour. */
function blind({ id, gridIntensity }: SiteState, greenW: W, at: Ms): SiteForecast {
  const doubt = (slot: number): number => Math.min(1, slot / BLIND_HOURS)
  const series = (value: (slot: number) => number): number[] =>
    Array.from({ length: SLOTS }, (_, slot) => value(slot))
  const grid = series(() => gridIntensity)
  return {
    site: id,
    issuedAt: at,
    start: Math.floor(at / HOUR) * HOUR,
    slotMs: HOUR,
    greenW: {
      p10: series(slot => greenW * (1 - doubt(slot))),
      p50: series(() => greenW),
      p90: series(slot => greenW * (1 + doubt(slot))),
    },
    gridGPerKWh: { p10: grid, p50: grid, p90: grid },
    basis: 'the meter of now; nothing is known of this site yet',
  }
}
