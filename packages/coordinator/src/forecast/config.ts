/** What the config says of forecasts, a site each. */
import { HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { GCO2eqPerKWh, SiteConfig, SiteId, W } from '@heliotrope/shared'
import { z } from 'zod'
import type { ForecastPorts } from './ports.js'
import type { SourceConfig } from './sources.js'

export interface SiteForecastConfig {
  site: SiteId
  latitude: number
  longitude: number
  gridGPerKWh: GCO2eqPerKWh
  solarPeakW: W
  windRatedW: W
  panel?: { tiltDeg: number; azimuthDeg: number }
  weather?: SourceConfig
  grid?: SourceConfig
}

const url = z.url({ protocol: /^https?$/, error: 'must be an http or https url' }).max(500)
const every = z.number().min(5).max(1440)
const secret = z.string().startsWith('/', 'must be an absolute path').optional()
const file = z.strictObject({
  kind: z.literal('file'),
  path: z.string().startsWith('/', 'must be an absolute path'),
})

export const weatherSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('open-meteo'),
    url: url.default('https://api.open-meteo.com/v1/forecast'),
    every_minutes: every.default(60),
    /** Holds the API key of a paid server. */
    secret_file: secret,
  }),
  file,
])

export const gridSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('electricity-maps'),
    url: url.default('https://api.electricitymap.org/v3'),
    zone: z.string().regex(/^[A-Za-z0-9-]{1,20}$/, 'must be a zone as DE or US-CAL-CISO'),
    every_minutes: every.default(60),
    /** Holds the token. */
    secret_file: secret,
  }),
  z.strictObject({
    kind: z.literal('uk-carbon-intensity'),
    url: url.default('https://api.carbonintensity.org.uk'),
    every_minutes: every.default(30),
  }),
  file,
])

export const panelsSchema = z.strictObject({
  peak_w: z.number().min(0).max(1e9),
  /** From the horizontal. */
  tilt_deg: z.number().min(0).max(90).default(0),
  /** From north over east: south is 180. */
  azimuth_deg: z.number().min(0).max(360).default(180),
})

export const turbinesSchema = z.strictObject({ rated_w: z.number().min(0).max(1e9) })

/** The keys that a site of the config has for forecasts. */
export const siteForecastShape = {
  /** What is installed; without them the green power's own past is all that forecasts are made of. */
  panels: panelsSchema.optional(),
  turbines: turbinesSchema.optional(),
  weather: weatherSchema.optional(),
  grid: gridSchema.optional(),
}

type SiteFile = z.infer<z.ZodObject<typeof siteForecastShape>> & {
  id: string
  latitude: number
  longitude: number
  grid_gco2eq_per_kwh: number
}

export function siteForecastConfig(site: SiteFile): SiteForecastConfig {
  const { panels } = site
  return {
    site: site.id as SiteId,
    latitude: site.latitude,
    longitude: site.longitude,
    gridGPerKWh: site.grid_gco2eq_per_kwh,
    solarPeakW: panels?.peak_w ?? 0,
    windRatedW: site.turbines?.rated_w ?? 0,
    ...(panels ? { panel: { tiltDeg: panels.tilt_deg, azimuthDeg: panels.azimuth_deg } } : {}),
    ...(site.weather ? { weather: sourceConfig(site.weather) } : {}),
    ...(site.grid ? { grid: sourceConfig(site.grid) } : {}),
  }
}

function sourceConfig(source: z.infer<typeof weatherSchema> | z.infer<typeof gridSchema>): SourceConfig {
  if (source.kind === 'file') return { kind: 'file', path: source.path }
  const everyMs = source.every_minutes * MINUTE
  if (source.kind === 'uk-carbon-intensity') return { kind: source.kind, url: source.url, everyMs }
  const secretFile = source.secret_file === undefined ? {} : { secretFile: source.secret_file }
  return source.kind === 'electricity-maps'
    ? { kind: source.kind, url: source.url, zone: source.zone, everyMs, ...secretFile }
    : { kind: source.kind, url: source.url, everyMs, ...secretFile }
}

/** A site that says nothing of what it has: forecasts come from its meter's own past. */
export const meterOnly = ({ id, latitude, longitude, gridIntensity }: SiteConfig): SiteForecastConfig => ({
  site: id,
  latitude,
  longitude,
  gridGPerKWh: gridIntensity,
  solarPeakW: 0,
  windRatedW: 0,
})

/** Where there is no way out: the simulator, and tests. */
export const noOutside: Pick<ForecastPorts, 'http' | 'readFile'> = {
  http: () => Promise.reject(new HeliotropeError('unavailable', 'there is no way out from here')),
  readFile(path) {
    throw new HeliotropeError('unavailable', `there are no files here: ${path}`)
  },
}
