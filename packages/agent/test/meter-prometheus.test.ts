import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { VirtualClock } from '@heliotrope/shared'
import fc from 'fast-check'
import { Counter, Gauge, Registry } from 'prom-client'
import t from 'tap'
import type { Test } from 'tap'
import { prometheusMeter } from '../src/drivers/meter/prometheus/driver.js'
import type { PrometheusMeterOptions } from '../src/drivers/meter/prometheus/driver.js'
import { parseSeries } from '../src/drivers/meter/prometheus/parse.js'

const failed = { code: 'meter-failed' }
const signal = new AbortController().signal

t.test('the format', async t => {
  const text = `# HELP a_watts Says "power" {now}
# TYPE a_watts gauge
a_watts 12.5
a_watts_max 99
a_watts{x="1",y="a\\"b\\\\c\\nd}e"} -3e2 1700000000123
a_watts { x = "2" , } +Inf
a_watts{} NaN
`
  t.strictSame(parseSeries(text, 'a_watts'), [
    { labels: {}, value: 12.5 },
    { labels: { x: '1', y: 'a"b\\c\nd}e' }, value: -300, at: 1700000000123 },
    { labels: { x: '2' }, value: Infinity },
    { labels: {}, value: Number.NaN },
  ])
  t.strictSame(parseSeries(text, 'a_watt'), [])
  for (const line of [
    'a_watts',
    'a_watts{',
    'a_watts{x=1} 5',
    'a_watts{x="1" 5',
    'a_watts 0x5',
    'a_watts 1 2 3',
  ])
    t.throws(() => parseSeries(`${line} `, 'a_watts'), failed, line)
})

t.test('whatever prom-client writes is read as it was', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.string(),
      async (value, label) => {
        const registry = new Registry()
        new Gauge({ name: 'w', help: 'x', labelNames: ['l'], registers: [registry] }).set({ l: label }, value)
        const [series] = parseSeries(await registry.metrics(), 'w')
        return series?.labels['l'] === label && (series.value === value || value === 0)
      },
    ),
  )
})

async function exporter(
  t: Test,
): Promise<{ registry: Registry; url: string; server: Server; heard: string[] }> {
  const registry = new Registry()
  const heard: string[] = []
  const server = createServer((request, response) => {
    heard.push(request.headers.authorization ?? '')
    if (request.url === '/hang') return
    if (request.url === '/endless') {
      const write = (): void => {
        while (!response.destroyed && response.write('# '.repeat(30_000)));
      }
      response.on('drain', write)
      response.on('error', () => {})
      return write()
    }
    if (request.url !== '/metrics') return void response.writeHead(503).end('not now')
    void registry.metrics().then(text => response.setHeader('content-type', registry.contentType).end(text))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    registry,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    server,
    heard,
  }
}

t.test('one series of an exporter', async t => {
  const { registry, url, server, heard } = await exporter(t)
  const clock = new VirtualClock(7_000)
  const meter = (more: Partial<PrometheusMeterOptions> = {}, token?: string) =>
    prometheusMeter(
      { fetch, clock, token: token === undefined ? undefined : async () => token },
      {
        name: 'm',
        role: 'host-power',
        url,
        metric: 'ipmi_dcmi_power_consumption_watts',
        labels: {},
        unit: 'W',
        ...more,
      },
    )
  const watts = new Gauge({
    name: 'ipmi_dcmi_power_consumption_watts',
    help: 'Current power consumption in Watts.',
    labelNames: ['rack'],
    registers: [registry],
  })
  await t.rejects(meter().read(signal), { ...failed, message: /no series/ })
  watts.set({ rack: '1' }, 216)
  t.strictSame(await meter().read(signal), { valueW: 216, at: 7_000 })
  watts.set({ rack: '2' }, 300)
  await t.rejects(meter().read(signal), { ...failed, message: /2 series/, remedy: /"rack":"1".*"rack":"2"/ })
  t.match(await meter({ labels: { rack: '2' } }, 'secret\n').read(signal), { valueW: 300 })
  t.equal(heard.at(-1), 'Bearer secret')
  watts.set({ rack: '2' }, Number.NaN)
  await t.rejects(meter({ labels: { rack: '2' } }).read(signal), { ...failed, message: /is NaN/ })

  const joules = new Counter({ name: 'node_rapl_package_joules_total', help: 'x', registers: [registry] })
  const counter = meter({ metric: 'node_rapl_package_joules_total', unit: 'J' })
  await t.rejects(counter.read(signal), { ...failed, message: /second reading/ })
  joules.inc(1_500)
  await clock.advance(10_000)
  t.match(await counter.read(signal), { valueW: 150 })
  registry.resetMetrics()
  await clock.advance(10_000)
  await t.rejects(counter.read(signal), { ...failed, message: /went back/ }, 'the exporter was started anew')

  await t.rejects(meter({ url: url.replace('metrics', 'nope') }).read(signal), {
    ...failed,
    message: /answered 503/,
  })
  await t.rejects(meter({ url: url.replace('metrics', 'endless') }).read(signal), {
    ...failed,
    message: /more than/,
  })
  const stop = new AbortController()
  const hanging = meter({ url: url.replace('metrics', 'hang') }).read(stop.signal)
  stop.abort()
  await t.rejects(hanging, { ...failed, message: /cannot be reached/ })
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
  await t.rejects(meter().read(signal), { ...failed, message: /cannot be reached/ })
})
