/** The forecasts of one site: its forecaster, its sources, and what is kept of both. */
import { DAY, HOUR, sleep } from '@heliotrope/shared'
import type { Clock, Log, Ms, W } from '@heliotrope/shared'
import { createSiteForecaster } from '@heliotrope/planner'
import type { HourObservation, SiteForecast, SiteForecaster } from '@heliotrope/planner'
import type { SampleRow } from '../store/telemetry.js'
import type { SiteForecastConfig } from './config.js'
import type { ForecastStore, IssuedKind } from './forecast-store.js'
import { greenOfHour, gridOfHour } from './hour-of-samples.js'
import { Poller } from './poller.js'
import type { PollerPorts, SourceState } from './poller.js'
import type { ForecastSource, MeasuredGrid, Parsed } from './source.js'
import { forecastView } from './view.js'
import type { ForecastView } from './view.js'

export interface SiteServicePorts extends PollerPorts {
  clock: Clock
  log: Log
  store: ForecastStore
  /** Samples of the site's green-power meters, oldest first. */
  greenSamples: (from: Ms, to: Ms) => readonly Pick<SampleRow, 'meter' | 'at' | 'valueW' | 'quality'>[]
}

/** What is learnt from after a start: more would not change the models, and take seconds more. */
const LEARN_MS: Ms = 180 * DAY
/** Hours learnt in one go, before others get their turn. */
const AT_ONCE = 48
/** Raw samples are there for so long. */
const CATCH_UP_MS: Ms = 47 * HOUR
/** A report may come late; then the hour is closed. */
const LATE_MS: Ms = 90_000
export const HORIZON_HOURS = 48
const HOURS_NEEDED = 24

export class SiteService {
  readonly config: SiteForecastConfig
  readonly #ports: SiteServicePorts
  readonly #pollers: { kind: IssuedKind; poller: Poller }[]
  #forecaster: SiteForecaster | undefined
  #measured: MeasuredGrid[] = []
  #meters: ReadonlySet<string> = new Set()
  /** Begin of the newest hour that was told to the forecaster. */
  #lastHour: Ms | undefined
  #measuredHours = 0
  #stopping = new AbortController()

  constructor(
    ports: SiteServicePorts,
    config: SiteForecastConfig,
    sources: Partial<Record<IssuedKind, ForecastSource>>,
  ) {
    this.config = config
    this.#ports = ports
    this.#pollers = (['weather', 'grid'] as const).flatMap(kind => {
      const source = sources[kind]
      if (!source) return []
      return [{ kind, poller: new Poller(ports, source, parsed => this.#take(kind, parsed)) }]
    })
  }

  /** Learns anew from what is stored, giving way now and then; then asks its sources. */
  async start(): Promise<void> {
    this.#stopping = new AbortController()
    await this.#learn()
    if (this.#stopping.signal.aborted) return
    const { store } = this.#ports
    for (const { kind, poller } of this.#pollers) poller.start(store.lastIssued(this.config.site, kind))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#pollers.map(({ poller }) => poller.stop()))
  }

  /** Undefined while it is still learning after a start, and while there is nothing to forecast from. */
  forecast(at: Ms): SiteForecast | undefined {
    return this.#grounded() ? this.#forecaster?.forecast(at, HORIZON_HOURS) : undefined
  }

  /** Neither a data sheet nor a day of the meter: whatever was said would be made up. */
  #grounded(): boolean {
    const { solarPeakW, windRatedW } = this.config
    return solarPeakW + windRatedW > 0 || this.#measuredHours >= HOURS_NEEDED
  }

  sources(): SourceState[] {
    return this.#pollers.map(({ poller }) => poller.state())
  }

  view(at: Ms): ForecastView {
    const forecaster = this.#forecaster
    return forecastView({
      site: this.config.site,
      at,
      forecast: this.forecast(at),
      scores: forecaster?.scores() ?? [],
      flags: forecaster?.flags() ?? [],
      sources: this.sources(),
    })
  }

  /** Closes the hours that are over. Idempotent; called every minute. */
  async tick(now: Ms): Promise<void> {
    const forecaster = this.#forecaster
    if (!forecaster || this.#stopping.signal.aborted) return
    const end = Math.floor((now - LATE_MS) / HOUR) * HOUR
    if (this.#lastHour !== undefined && this.#lastHour > now + HOUR) return this.#learn()
    const first = Math.max(
      this.#lastHour === undefined ? end - HOUR : this.#lastHour + HOUR,
      end - CATCH_UP_MS,
    )
    for (let at = first; at < end; at += HOUR) this.#close(forecaster, at)
  }

  #close(forecaster: SiteForecaster, at: Ms): void {
    const { store, greenSamples } = this.#ports
    const green = greenOfHour(greenSamples(at, at + HOUR), at, this.#meters)
    if (green) this.#meters = green.meters
    else if (greenSamples(at, at + HOUR).length === 0) this.#meters = new Set()
    const grid = gridOfHour(this.#measured, at)
    const hour: HourObservation = {
      at,
      ...(green ? { greenW: green.greenW } : {}),
      ...(grid === undefined ? {} : { gridGPerKWh: grid }),
    }
    store.keepHour(this.config.site, hour)
    forecaster.observe(hour)
    if (green) this.#measuredHours++
    this.#lastHour = at
  }

  #take(kind: IssuedKind, { issued, measured }: Parsed): void {
    const { store, clock } = this.#ports
    const now = Math.round(clock.wall())
    const rows = issued.filter(row => (row.gridGPerKWh === undefined) === (kind === 'weather'))
    if (rows.length > 0) {
      store.keepIssued(this.config.site, kind, now, rows)
      this.#forecaster?.issue(rows)
    }
    if (measured.length > 0)
      this.#measured = [...this.#measured, ...measured]
        .filter((row, i, all) => row.at > now - 3 * DAY && all.findIndex(other => other.at === row.at) === i)
        .slice(-500)
  }

  /** Anew from what is stored. A clock that was ahead has dated hours into the future: those go first. */
  async #learn(): Promise<void> {
    this.#forecaster = undefined
    const { clock, log, store } = this.#ports
    const { site } = this.config
    const now = clock.wall()
    const dropped = store.dropHoursFrom(site, Math.floor(now / HOUR) * HOUR)
    if (dropped > 0) log.warn('hours dated ahead of the clock are dropped', { site, dropped })
    const hours = store.hours(site, now - LEARN_MS, now)
    const measured = hours.flatMap(({ greenW }) => greenW ?? [])
    const forecaster = this.#make(measured.reduce((most, greenW) => Math.max(most, greenW), 0))
    forecaster.issue(store.issued(site, now - LEARN_MS))
    const { signal } = this.#stopping
    for (let from = 0; from < hours.length; from += AT_ONCE) {
      forecaster.learn({ hours: hours.slice(from, from + AT_ONCE) })
      await sleep(clock, 0, signal).catch(() => {})
      if (signal.aborted) return
    }
    this.#lastHour = hours.at(-1)?.at
    this.#measuredHours = measured.length
    this.#forecaster = forecaster
  }

  #make(mostSeenW: W): SiteForecaster {
    const { site, latitude, longitude, gridGPerKWh, solarPeakW, windRatedW, panel, weather, grid } =
      this.config
    return createSiteForecaster({
      site,
      latitude,
      longitude,
      gridGPerKWh,
      solarPeakW,
      windRatedW,
      issued: weather !== undefined,
      gridIssued: grid !== undefined,
      together: true,
      mostSeenW,
      ...(panel ? { panel } : {}),
    })
  }
}
