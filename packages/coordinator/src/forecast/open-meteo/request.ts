/** What is asked of an Open-Meteo compatible API: `GET /v1/forecast` (open-meteo.com/en/docs). */
import type { SourceRequest } from '../source.js'

export interface OpenMeteoPlace {
  /** `https://api.open-meteo.com/v1/forecast`, or one's own server. */
  url: string
  latitude: number
  longitude: number
  /** For the paid servers. */
  apiKey?: string | undefined
}

export const OPEN_METEO_FIELDS = ['shortwave_radiation', 'temperature_2m', 'wind_speed_10m'] as const

/** Times as seconds of UTC: no time zone, no summer time. */
export function openMeteoRequest(place: OpenMeteoPlace): SourceRequest {
  const url = new URL(place.url)
  const query: Record<string, string> = {
    latitude: place.latitude.toFixed(4),
    longitude: place.longitude.toFixed(4),
    hourly: OPEN_METEO_FIELDS.join(','),
    wind_speed_unit: 'ms',
    temperature_unit: 'celsius',
    timeformat: 'unixtime',
    timezone: 'GMT',
    past_days: '1',
    forecast_days: '4',
    ...(place.apiKey === undefined ? {} : { apikey: place.apiKey }),
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return { name: 'weather', at: { url: url.href }, headers: {} }
}
