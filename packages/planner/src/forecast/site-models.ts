/** The models of one site: one for each source that is metered, one for the grid, and the band of the sum. */
import type { Ms, W } from '@heliotrope/shared'
import type { SiteForecasterOptions, SourceScore } from './inputs.js'
import { gridFeatures } from './models/grid-features.js'
import type { NearbySource } from './models/grid-features.js'
import { mixedFeatures } from './models/mixed-features.js'
import { SeriesMemory } from './models/series-memory.js'
import { SeriesModel } from './models/series-model.js'
import type { Sky } from './models/sky.js'
import { solarFeatures } from './models/solar-features.js'
import { TotalBand } from './models/total-band.js'
import { windFeatures } from './models/wind-features.js'
import type { WeatherView } from './weather/weather-runs.js'

export type GreenSource = Exclude<SourceScore['source'], 'grid'>

export interface Source {
  name: GreenSource
  scaleW: W
  model: SeriesModel
}

/** Shares may exceed what is rated, by what inverters and gusts can do. */
const CEILING = 1.1
/** gCO2eq/kWh that count as 1: coal is about this. */
export const GRID_SCALE = 1000

export interface SiteModels {
  sources: Source[]
  grid: SeriesModel
  /** Present if the site has several sources. */
  total: TotalBand | undefined
  totalW: W
}

export interface SiteModelsOptions extends SiteForecasterOptions {
  slotMs: Ms
  maxSlots: number
  /** Which sources are metered, with the W that count as all they can give. */
  metered: readonly { name: GreenSource; scaleW: W }[]
  /** Weather forecasts are had. */
  issued: boolean
  sky: Sky
  measuredWindMs: (slot: number) => number
  /** What those who run the grid expect, as known now, gCO2eq/kWh; undefined if they issue nothing. */
  issuedGrid: ((slot: number) => number) | undefined
}

export function createSiteModels(options: SiteModelsOptions): SiteModels {
  const { slotMs, maxSlots, issued, sky } = options
  const perDay = Math.round(86_400_000 / slotMs)
  const base = { maxLead: maxSlots, slotsPerHour: 3_600_000 / slotMs, trees: options.trees ?? true }
  const sources = options.metered.map(({ name, scaleW }): Source => {
    const memory = new SeriesMemory(perDay)
    const both = options.solarPeakW + options.windRatedW
    const features =
      name === 'solar'
        ? solarFeatures(memory, sky, issued)
        : name === 'wind'
          ? windFeatures(memory, sky, issued, options.measuredWindMs)
          : mixedFeatures(memory, sky, both > 0 ? options.solarPeakW / both : 0.5)
    return { name, scaleW, model: new SeriesModel({ ...base, memory, features, ceiling: CEILING }) }
  })
  const memory = new SeriesMemory(perDay)
  const nearby = sources.map(({ model }): NearbySource => ({
    expected: slot => model.expected(model.memory.values.last, slot),
    was: slot => model.memory.values.at(slot),
    usual: slot => model.memory.usual(slot),
  }))
  const { issuedGrid } = options
  const features = gridFeatures(
    memory,
    sky,
    issued,
    nearby,
    (options.gridGPerKWh ?? 0) / GRID_SCALE,
    issuedGrid && ((slot): number => issuedGrid(slot) / GRID_SCALE),
  )
  const grid = new SeriesModel({ ...base, memory, features, ceiling: 3 })
  const totalW = sources.reduce((sum, source) => sum + source.scaleW, 0)
  const total = sources.length > 1 ? new TotalBand(maxSlots) : undefined
  return { sources, grid, total, totalW }
}

/** All models look ahead from this origin; sources first, the grid builds on them. */
export function prepareAll(models: SiteModels, origin: number, maxSlots: number, view: WeatherView): void {
  for (const { model } of models.sources) model.prepare(origin, view)
  models.grid.prepare(origin, view)
  if (!models.total) return
  for (let lead = 1; lead <= maxSlots; lead++) {
    let p50 = 0
    for (const { model, scaleW } of models.sources) p50 += model.outlook(origin, origin + lead).p50 * scaleW
    models.total.keep(origin, lead, p50 / models.totalW)
  }
}
