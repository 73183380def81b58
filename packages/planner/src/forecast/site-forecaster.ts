/** One site's forecaster: is told what was measured and what was issued, and says what is expected. Learns from the past only. */
import type { Ms, W } from '@heliotrope/shared'
import { InputCheck } from './input-check.js'
import type {
  HourObservation,
  InputFlag,
  IssuedWeather,
  SiteForecasterOptions,
  SourceScore,
} from './inputs.js'
import { SlotSeries } from './learn/slot-series.js'
import { Sky } from './models/sky.js'
import { createSiteModels, GRID_SCALE, prepareAll } from './site-models.js'
import type { GreenSource, SiteModels } from './site-models.js'
import type { Band, SiteForecast } from './types.js'
import { WeatherRuns } from './weather/weather-runs.js'
import type { WeatherView } from './weather/weather-runs.js'

export interface SiteForecaster {
  /** Observes all of the history, oldest first; `issued` as for `issue`. */
  learn(history: { hours: readonly HourObservation[]; issued?: readonly IssuedWeather[] }): void
  /** Weather forecasts, at any time before they are known; each is used from its `knownAt` on. */
  issue(rows: readonly IssuedWeather[]): void
  /**
   * One more hour (slot) is over. In order; a repeated or older one is flagged and left out. Values that were not measured
   * are left undefined: telling that the hour is over lets newer weather forecasts count.
   */
  observe(hour: HourObservation): void
  /**
   * What is expected of `slots` slots, the first being the one that holds `now`. Same past, same answer. Scores and models
   * are kept up by `observe`; this only reads.
   */
  forecast(now: Ms, slots: number): SiteForecast
  /** The same, each source alone. */
  sources(now: Ms, slots: number): SourceForecast[]
  /** How the models did on what was observed so far. */
  scores(): SourceScore[]
  flags(): InputFlag[]
}

export interface SourceForecast {
  source: 'solar' | 'wind' | 'green'
  powerW: Band
}

const HOUR: Ms = 3_600_000
/** A longer gap than this brings nothing more to forget. */
const LONGEST_GAP_DAYS = 20
/** A meter that says more than this many times what is installed does not measure it. */
const BEYOND = 1.5
const GRID_MOST = 3_000
/** For a site that declares no panels or turbines, and has no history either. */
const SOME_W: W = 1_000

/** @throws never; odd input is flagged */
export function createSiteForecaster(options: SiteForecasterOptions): SiteForecaster {
  return new Forecaster(options)
}

class Forecaster implements SiteForecaster {
  readonly #options: SiteForecasterOptions & { slotMs: Ms; maxSlots: number }
  readonly #check = new InputCheck()
  readonly #sky: Sky
  readonly #runs: WeatherRuns
  readonly #gridRuns: WeatherRuns
  readonly #wind: SlotSeries
  /** Of the grid's runs, as known at the newest origin. */
  #gridView: WeatherView | undefined
  #models: SiteModels | undefined
  /** Newest slot that is over; -1 before the first. */
  #last = -1

  constructor(options: SiteForecasterOptions) {
    this.#options = { ...options, slotMs: options.slotMs ?? HOUR, maxSlots: options.maxSlots ?? 48 }
    const { latitude, longitude, solarPeakW, panel } = options
    const { slotMs } = this.#options
    this.#sky = new Sky({ latitude, longitude, peakW: solarPeakW, panel }, slotMs)
    this.#runs = new WeatherRuns(slotMs, slot => this.#sky.clearGhiWm2(slot))
    this.#gridRuns = new WeatherRuns(slotMs, () => 0)
    this.#wind = new SlotSeries(Math.round((3 * 24 * HOUR) / slotMs))
  }

  learn({
    hours,
    issued = [],
  }: {
    hours: readonly HourObservation[]
    issued?: readonly IssuedWeather[]
  }): void {
    this.issue(issued)
    this.#models ??= this.#create(hours)
    for (const hour of hours) this.observe(hour)
  }

  issue(rows: readonly IssuedWeather[]): void {
    const doubled = rows.filter(
      row => !(row.gridGPerKWh === undefined ? this.#runs : this.#gridRuns).add(row),
    )
    const last = doubled.at(-1)
    if (last)
      this.#check.flag(
        'duplicate',
        last.validAt,
        'a line of an issued forecast came twice; the first stands',
        doubled.length,
      )
  }

  observe(hour: HourObservation): void {
    const { slotMs } = this.#options
    const slot = Math.floor(hour.at / slotMs)
    if (!Number.isFinite(hour.at) || slot * slotMs !== hour.at)
      return this.#check.flag('off-grid', hour.at, 'a measurement does not begin with a slot; left out')
    if (slot === this.#last)
      return this.#check.flag('duplicate', hour.at, 'an hour was given twice; the first stands')
    if (slot < this.#last)
      return this.#check.flag('backwards', hour.at, 'an hour came after a later one; left out')
    const models = (this.#models ??= this.#create([hour]))
    this.#skipTo(models, slot)
    const values = models.sources.map(({ name, scaleW }) => {
      const value = name === 'green' ? totalOf(hour) : (hour[`${name}W`] ?? this.#only(hour, models))
      return this.#check.value(`${name} power in W`, hour.at, value, BEYOND * scaleW) / scaleW
    })
    const grid = this.#check.value('grid intensity in gCO2eq/kWh', hour.at, hour.gridGPerKWh, GRID_MOST)
    this.#wind.set(slot, hour.weather?.windMs ?? NaN)
    this.#over(models, slot, values, grid / GRID_SCALE)
  }

  forecast(now: Ms, slots: number): SiteForecast {
    const { slotMs, site } = this.#options
    const first = Math.floor(now / slotMs)
    const { models, origin } = this.#ready(now)
    const green = emptyBand()
    const grid = emptyBand()
    for (let slot = first; slot < first + slots; slot++) {
      const outlooks = models.sources.map(({ model, scaleW }) => {
        const { p10, p50, p90 } = model.outlook(origin, slot)
        return { p10: p10 * scaleW, p50: p50 * scaleW, p90: p90 * scaleW }
      })
      const [single] = outlooks
      if (outlooks.length === 1 && single) push(green, single, 1)
      else if (!models.total) push(green, { p10: 0, p50: 0, p90: 0 }, 1)
      else {
        const share = outlooks.reduce((sum, { p50 }) => sum + p50, 0) / models.totalW
        push(green, models.total.around(Math.max(1, slot - origin), share), models.totalW)
      }
      push(grid, models.grid.outlook(origin, slot), GRID_SCALE)
    }
    return {
      site,
      issuedAt: now,
      start: first * slotMs,
      slotMs,
      greenW: green,
      gridGPerKWh: grid,
      basis: basisOf(this.scores(), HOUR / slotMs),
    }
  }

  sources(now: Ms, slots: number): SourceForecast[] {
    const first = Math.floor(now / this.#options.slotMs)
    const { models, origin } = this.#ready(now)
    return models.sources.map(({ name, model, scaleW }) => {
      const powerW = emptyBand()
      for (let slot = first; slot < first + slots; slot++) push(powerW, model.outlook(origin, slot), scaleW)
      return { source: name, powerW }
    })
  }

  scores(): SourceScore[] {
    const models = this.#models
    if (!models) return []
    return [
      ...models.sources.map(({ name, model, scaleW }) => ({ source: name, horizons: model.scores(scaleW) })),
      { source: 'grid' as const, horizons: models.grid.scores(GRID_SCALE) },
    ]
  }

  flags(): InputFlag[] {
    return this.#check.all()
  }

  /** Before the first hour is over there is only the weather and what the data sheets say. */
  #ready(now: Ms): { models: SiteModels; origin: number } {
    const { slotMs, maxSlots } = this.#options
    const models = (this.#models ??= this.#create([]))
    if (this.#last >= 0) return { models, origin: this.#last }
    const origin = Math.floor(now / slotMs) - 1
    this.#gridView = this.#gridRuns.view(now)
    prepareAll(models, origin, maxSlots, this.#runs.view(now))
    return { models, origin }
  }

  /** Which sources are metered is seen from the first hours that have a value. */
  #create(hours: readonly HourObservation[]): SiteModels {
    const { solarPeakW, windRatedW } = this.#options
    const apart = hours.some(hour => hour.solarW !== undefined || hour.windW !== undefined)
    const together = hours.some(hour => hour.greenW !== undefined)
    const declared = [
      ...(solarPeakW > 0 ? [{ name: 'solar' as const, scaleW: solarPeakW }] : []),
      ...(windRatedW > 0 ? [{ name: 'wind' as const, scaleW: windRatedW }] : []),
    ]
    let metered: { name: GreenSource; scaleW: W }[] = declared
    if (declared.length !== 1 && (this.#options.together ?? (together && !apart))) {
      const most = hours.reduce(
        (most, { greenW }) => Math.max(most, greenW ?? 0),
        this.#options.mostSeenW ?? 0,
      )
      metered = [{ name: 'green', scaleW: solarPeakW + windRatedW || 1.2 * most || SOME_W }]
    }
    return createSiteModels({
      ...this.#options,
      metered,
      issued: this.#options.issued ?? this.#runs.any,
      sky: this.#sky,
      measuredWindMs: slot => this.#wind.at(slot),
      issuedGrid:
        (this.#options.gridIssued ?? this.#gridRuns.any)
          ? slot => this.#gridView?.at('gridGPerKWh', slot) ?? NaN
          : undefined,
    })
  }

  /** A site with one kind of source may be told of its power without the kind. */
  #only(hour: HourObservation, models: SiteModels): W | undefined {
    return models.sources.length === 1 ? hour.greenW : undefined
  }

  /** Hours that nobody told of are over, too. */
  #skipTo(models: SiteModels, slot: number): void {
    if (this.#last < 0 || slot === this.#last + 1) return
    const { slotMs } = this.#options
    const gap = slot - this.#last - 1
    this.#check.flag('missing', slot * slotMs, 'hours are missing in what was measured', gap)
    const most = Math.round((LONGEST_GAP_DAYS * 24 * HOUR) / slotMs)
    const nothing = models.sources.map(() => NaN)
    for (let missing = Math.max(this.#last + 1, slot - most); missing < slot; missing++)
      this.#over(models, missing, nothing, NaN)
  }

  #over(models: SiteModels, slot: number, values: readonly number[], grid: number): void {
    const { slotMs, maxSlots } = this.#options
    const now = (slot + 1) * slotMs
    this.#runs.forget(now)
    this.#gridRuns.forget(now)
    this.#gridView = this.#gridRuns.view(now)
    const view = this.#runs.view(now)
    if (models.total) {
      let sum = 0
      models.sources.forEach(({ scaleW }, i) => (sum += values[i]! * scaleW))
      models.total.observe(slot, sum / models.totalW)
    }
    models.sources.forEach(({ model }, i) => model.observe(slot, values[i]!, view))
    models.grid.observe(slot, grid, view)
    this.#last = slot
    prepareAll(models, slot, maxSlots, view)
  }
}

const totalOf = (hour: HourObservation): W | undefined =>
  hour.greenW ??
  (hour.solarW === undefined && hour.windW === undefined ? undefined : (hour.solarW ?? 0) + (hour.windW ?? 0))

interface Growing {
  p10: number[]
  p50: number[]
  p90: number[]
}

const emptyBand = (): Growing & Band => ({ p10: [], p50: [], p90: [] })

function push(
  band: Growing,
  { p10, p50, p90 }: { p10: number; p50: number; p90: number },
  unit: number,
): void {
  band.p10.push(p10 * unit)
  band.p50.push(p50 * unit)
  band.p90.push(p90 * unit)
}

/** In words for people: what each source gains over its reference a day ahead. */
function basisOf(scores: readonly SourceScore[], slotsPerHour: number): string {
  const parts = scores.map(({ source, horizons }) => {
    const day = horizons.find(({ horizon }) => horizon === Math.round(24 * slotsPerHour)) ?? horizons.at(-1)
    if (day === undefined || day.count < 24) return `${source}: no scores yet`
    const ahead = `${Math.round(day.horizon / slotsPerHour)} h ahead`
    if (day.skill < 0.005) return `${source}: no better than ${day.reference}, ${ahead}`
    const percent = (100 * day.skill).toFixed(0)
    return `${source}: ${percent} % less error than ${day.reference}, ${ahead}`
  })
  return parts.join('; ')
}
