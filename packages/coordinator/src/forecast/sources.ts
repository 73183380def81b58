/** The sources that a site's config names. */
import { MINUTE } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { electricityMapsRequests, parseElectricityMaps } from './electricity-maps/parse.js'
import { parseForecastFile } from './file/parse.js'
import { parseOpenMeteo } from './open-meteo/parse.js'
import { openMeteoRequest } from './open-meteo/request.js'
import type { ForecastSource } from './source.js'
import { parseUkCarbon, ukCarbonRequest } from './uk-carbon/parse.js'

/** As the config has it; secrets are read from their files by whoever makes it. */
export type SourceConfig =
  | { kind: 'open-meteo'; url: string; everyMs: Ms; secretFile?: string }
  | { kind: 'electricity-maps'; url: string; zone: string; everyMs: Ms; secretFile?: string }
  | { kind: 'uk-carbon-intensity'; url: string; everyMs: Ms }
  | { kind: 'file'; path: string }

/** @param secret what stands in the config's secretFile */
export function createSource(
  config: SourceConfig,
  place: { latitude: number; longitude: number },
  secret?: string,
): ForecastSource {
  switch (config.kind) {
    case 'open-meteo': {
      const { latitude, longitude } = place
      const request = openMeteoRequest({ url: config.url, latitude, longitude, apiKey: secret })
      return {
        name: 'open-meteo',
        everyMs: config.everyMs,
        requests: () => [request],
        parse: (body, _, receivedAt) => parseOpenMeteo(body, receivedAt),
      }
    }
    case 'electricity-maps': {
      const requests = electricityMapsRequests({ url: config.url, zone: config.zone, token: secret })
      return {
        name: `electricity-maps ${config.zone}`,
        everyMs: config.everyMs,
        requests: () => requests,
        parse: (body, request, receivedAt) => parseElectricityMaps(body, request.name, receivedAt),
      }
    }
    case 'uk-carbon-intensity':
      return {
        name: 'uk-carbon-intensity',
        everyMs: config.everyMs,
        requests: now => [ukCarbonRequest(config.url, now)],
        parse: (body, _, receivedAt) => parseUkCarbon(body, receivedAt),
      }
    case 'file': {
      const { path } = config
      return {
        name: `file ${path}`,
        everyMs: MINUTE,
        requests: () => [{ name: 'file', at: { path }, headers: {} }],
        parse: (body, _, receivedAt) => parseForecastFile(body, receivedAt),
      }
    }
    default: {
      const never: never = config
      return never
    }
  }
}
