/** `GET /metrics` for Prometheus: what the coordinator knows now, asked of it at each scrape. */
import fastify from 'fastify'
import { Gauge, Registry } from 'prom-client'
import { HeliotropeError } from '@heliotrope/shared'
import type { Coordinator } from '../compose.js'

export interface MetricsServer {
  /** @returns where it listens @throws unavailable */
  start(): Promise<string>
  stop(): Promise<void>
}

export function metricsServer(
  listen: { host: string; port: number },
  coordinator: Pick<Coordinator, 'alarms' | 'fleet' | 'sagas'>,
): MetricsServer {
  const registry = metricsOf(coordinator)
  const server = fastify({ forceCloseConnections: true })
  server.get('/metrics', async (_, reply) =>
    reply.header('content-type', registry.contentType).send(await registry.metrics()),
  )
  return {
    async start() {
      try {
        return await server.listen(listen)
      } catch (cause) {
        throw new HeliotropeError('unavailable', `cannot listen on ${listen.host}:${listen.port}`, {
          cause,
          remedy: 'see metrics.host and metrics.port in the config of the coordinator',
        })
      }
    },
    stop: async () => {
      await server.close()
    },
  }
}

/** All metrics, each in the unit of its name. A site without a reading has no line, rather than a zero. */
export function metricsOf({
  alarms,
  fleet,
  sagas,
}: Pick<Coordinator, 'alarms' | 'fleet' | 'sagas'>): Registry {
  const registry = new Registry()
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    values: () => [Record<L, string>, number | undefined][],
  ): void => {
    registry.registerMetric(
      new Gauge({
        name: `heliotrope_${name}`,
        help,
        labelNames,
        registers: [],
        collect() {
          this.reset()
          for (const [labels, value] of values()) if (value !== undefined) this.set(labels as never, value)
        },
      }) as never,
    )
  }
  const sites = () => fleet.snapshot().sites
  gauge('alarm_raised', '1 for each alarm that is raised', ['source', 'key'], () =>
    alarms.raised().map(({ source, key }) => [{ source, key }, 1]),
  )
  gauge('alarms_raised', 'Alarms that are raised', [], () => [[{}, alarms.raised().length]])
  gauge('moves_open', 'Moves that have begun and not ended', [], () => [[{}, sagas.open().length]])
  gauge('host_connected', '1 while the agent of this host is connected', ['host', 'site'], () =>
    fleet.hosts().map(({ id, site, connected }) => [{ host: id, site }, connected ? 1 : 0]),
  )
  gauge('host_watts', 'What this host draws, measured or modelled', ['host', 'site'], () =>
    fleet.snapshot().hosts.map(({ id, site, powerW }) => [{ host: id, site }, powerW]),
  )
  gauge('site_green_watts', 'Green power of this site now', ['site'], () =>
    sites().map(({ id, greenW }) => [{ site: id }, greenW]),
  )
  gauge('site_load_watts', 'What the hosts of this site draw', ['site'], () =>
    sites().map(({ id, loadW }) => [{ site: id }, loadW]),
  )
  gauge('site_vms', 'VMs on this site', ['site'], () => {
    const { vms } = fleet.snapshot()
    return sites().map(({ id }) => [{ site: id }, vms.filter(vm => vm.site === id).length])
  })
  return registry
}
