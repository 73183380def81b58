// What Prometheus gets to see.
import t from 'tap'
import { run, world } from './kit.js'
import { metricsServer } from '../src/http/metrics-server.js'
import { pair } from './two-hosts.js'

void t.test('metrics are what is true at the scrape, and a site without a meter is no zero', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const server = metricsServer({ host: '127.0.0.1', port: 0 }, of.coordinator)
  const where = await server.start()
  t.teardown(() => server.stop())
  const scrape = async (): Promise<string> => (await fetch(`${where}/metrics`)).text()
  const first = await scrape()
  t.match(first, 'heliotrope_host_connected{host="x",site="a"} 1')
  t.match(first, 'heliotrope_alarms_raised 0')
  t.match(first, 'heliotrope_moves_open 0')
  t.match(first, /heliotrope_site_vms\{site="a"\} 1/)
  t.match(first, /# HELP heliotrope_site_green_watts/)
  x.report({ alarms: [{ key: 'meter/"odd"', state: 'raised', text: 'a', remedy: 'b', at: 0 }] })
  y.link?.drop()
  await run(of.clock, 1_000)
  const second = await scrape()
  t.match(second, 'heliotrope_alarm_raised{source="x",key="meter/\\"odd\\""} 1')
  t.match(second, 'heliotrope_host_connected{host="y",site="b"} 0')
  await t.rejects(
    metricsServer({ host: '127.0.0.1', port: Number(new URL(where).port) }, of.coordinator).start(),
    {
      code: 'unavailable',
      remedy: /metrics.port/,
    },
  )
  await of.coordinator.stop()
})
