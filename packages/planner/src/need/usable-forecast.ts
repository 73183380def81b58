/** The forecasts that a plan may rest on. */
import type { SiteForecast } from '../forecast/types.js'
import type { FleetView } from './fleet-view.js'
import { byText } from './sums.js'

/** Those of sites that take part, in the order of the sites; one that has other slots than the first is put out. */
export function usableForecasts(view: FleetView, forecasts: readonly SiteForecast[]): SiteForecast[] {
  const usable: SiteForecast[] = []
  for (const forecast of [...forecasts].sort((a, b) => byText(a.site, b.site))) {
    const site = view.sites.get(forecast.site)
    if (site === undefined || site.out) continue
    const [first] = usable
    if (first && (first.start !== forecast.start || first.slotMs !== forecast.slotMs))
      site.out = {
        code: 'no-forecast',
        text: `the forecast for site ${forecast.site} has other slots than that for ${first.site}`,
      }
    else if (usable.at(-1)?.site !== forecast.site) usable.push(forecast)
  }
  return usable
}
