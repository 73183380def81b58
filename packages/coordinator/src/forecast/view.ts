/** What the console shows of a site's forecast. */
import type { Ms, SiteId } from '@heliotrope/shared'
import type { InputFlag, SiteForecast, SourceScore } from '@heliotrope/planner'
import type { SourceState } from './poller.js'

export interface ForecastView {
  site: SiteId
  at: Ms
  /** Absent while the models learn after a start, or have nothing to learn from. */
  forecast?: SiteForecast
  scores: SourceScore[]
  /** Where weather and grid intensity come from, how these stand, and how old their last good answer is. */
  sources: (SourceState & { ageMs?: Ms })[]
  flags: InputFlag[]
}

interface Parts extends Omit<ForecastView, 'sources' | 'forecast'> {
  forecast: SiteForecast | undefined
  sources: readonly SourceState[]
}

export function forecastView({ forecast, sources, at, ...rest }: Parts): ForecastView {
  return {
    ...rest,
    at,
    ...(forecast ? { forecast } : {}),
    sources: sources.map(state => ({
      ...state,
      ...(state.goodAt === undefined ? {} : { ageMs: Math.max(0, at - state.goodAt) }),
    })),
  }
}
