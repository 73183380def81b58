/** Forecasts of all sites: started and stopped with the coordinator, asked by the reconcile loop and the console. */
import { DAY, errorChain, every, HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { Cancel, Ms, SiteId } from '@heliotrope/shared'
import type { SiteForecast } from '@heliotrope/planner'
import type { SiteForecastConfig } from './config.js'
import type { IssuedKind } from './forecast-store.js'
import type { ForecastPorts } from './ports.js'
import { SiteService } from './site-service.js'
import type { ForecastSource } from './source.js'
import { createSource } from './sources.js'
import type { SourceConfig } from './sources.js'
import type { ForecastView } from './view.js'

export interface ForecastService {
  /** Returns at once; a site has forecasts when its models have learnt from what is stored. */
  start(): void
  stop(): Promise<void>
  /** Of the sites that have one; the planner does without the others. Plain values, fresh objects. */
  forecasts(at: Ms): SiteForecast[]
  /** @throws unknown */
  view(site: SiteId, at: Ms): ForecastView
  sites(): SiteId[]
}

/** Does nothing until `start`. */
export function createForecastService(
  ports: ForecastPorts,
  configs: readonly SiteForecastConfig[],
): ForecastService {
  const { clock, log, telemetry, store } = ports
  let services: SiteService[] = []
  let cancels: Cancel[] = []
  let starting: Promise<void> = Promise.resolve()

  const service = (config: SiteForecastConfig): SiteService =>
    new SiteService(
      { ...ports, greenSamples: (from, to) => telemetry.samples(config.site, 'green-power', from, to) },
      config,
      sourcesOf(ports, config),
    )
  const tick = async (): Promise<void> => {
    for (const site of services)
      try {
        await site.tick(clock.wall())
      } catch (error) {
        log.error('an hour could not be closed', { site: site.config.site, error: errorChain(error) })
      }
  }
  return {
    start() {
      services = configs.map(service)
      // One after the other: each learns with all of the processor.
      starting = (async () => {
        for (const site of services)
          try {
            await site.start()
            await site.tick(clock.wall())
          } catch (error) {
            log.error('forecasts of a site cannot start', {
              site: site.config.site,
              error: errorChain(error),
            })
          }
      })()
      cancels = [every(clock, MINUTE, tick), every(clock, DAY, () => store.thin(clock.wall()))]
    },
    async stop() {
      for (const cancel of cancels) cancel()
      await Promise.all(services.map(site => site.stop()))
      await starting
    },
    forecasts: at => services.flatMap(site => site.forecast(at) ?? []),
    view(id, at) {
      const found = services.find(({ config }) => config.site === id)
      if (found) return found.view(at)
      throw new HeliotropeError(
        'unknown',
        `unknown site ${id}; known: ${configs.map(c => c.site).join(', ')}`,
      )
    },
    sites: () => configs.map(({ site }) => site),
  }
}

function sourcesOf(
  { readFile, log }: ForecastPorts,
  config: SiteForecastConfig,
): Partial<Record<IssuedKind, ForecastSource>> {
  const made: Partial<Record<IssuedKind, ForecastSource>> = {}
  for (const kind of ['weather', 'grid'] as const) {
    const source = config[kind]
    if (!source) continue
    try {
      made[kind] = createSource(source, config, secretOf(source, readFile))
    } catch (cause) {
      const error = new HeliotropeError(
        'bad-config',
        `site ${config.site}, ${kind}: its secret_file cannot be read`,
        {
          cause,
          remedy: 'forecasts go on without this source; correct the path and start anew',
        },
      )
      log.error('forecast source left out', { error: errorChain(error) })
    }
  }
  return made
}

function secretOf(source: SourceConfig, readFile: ForecastPorts['readFile']): string | undefined {
  if (!('secretFile' in source) || source.secretFile === undefined) return undefined
  return readFile(source.secretFile).text.trim()
}
