import t from 'tap'
import { closeCodes, SECOND } from '@heliotrope/shared'
import type { SiteId } from '@heliotrope/shared'
import { openTelemetry } from '../src/store/telemetry.js'
import { run, world } from './kit.js'
import { domain, START_WALL } from './samples.js'

const a = 'a' as SiteId

t.test('reports are confirmed once they are stored, in batches', async t => {
  const of = world()
  const x = of.agent('x').connect()
  await of.clock.advance(10)
  t.equal(x.welcomes, 1)
  for (let i = 0; i < 3; i++)
    x.report({ full: i === 0, samples: [x.sample('green-power', 100, { at: START_WALL + i })] })
  await of.clock.advance(10)
  t.strictSame(x.acks, [])
  await run(of.clock, 3 * SECOND)
  t.strictSame(x.acks, [{ bootId: 'boot-1', seq: 3 }])
  t.equal(openTelemetry(of.ports.db).samples(a, 'green-power', 0, Number.MAX_SAFE_INTEGER).length, 3)
})

t.test('a replay changes nothing and is confirmed again, also after a restart', async t => {
  const of = world()
  const x = of.agent('x').connect()
  await of.clock.advance(10)
  x.domains = [domain(1)]
  const first = x.report({ samples: [x.sample('green-power', 100)] })
  await run(of.clock, 3 * SECOND)
  const before = JSON.stringify(of.coordinator.fleet.host(x.host))
  x.send({ t: 'report', report: { ...first, domains: [], samples: [x.sample('green-power', 7)] } })
  await run(of.clock, 3 * SECOND)
  t.equal(JSON.stringify(of.coordinator.fleet.host(x.host)), before)
  t.equal(x.acks.length, 2)
  await of.restart()
  x.send({ t: 'report', report: { ...first, domains: [] } })
  await run(of.clock, 3 * SECOND)
  t.equal(x.acks.length, 3)
  t.equal(of.coordinator.fleet.snapshot().vms.length, 1, 'what was known is known after a restart')
  t.equal(openTelemetry(of.ports.db).samples(a, 'green-power', 0, Number.MAX_SAFE_INTEGER).length, 1)
})

t.test('what was kept offline fills history, and newer state stays', async t => {
  const of = world()
  const x = of.agent('x')
  x.bootId = 'boot-2'
  x.connect()
  await of.clock.advance(10)
  x.domains = [domain(1)]
  x.report()
  await of.clock.advance(10)
  x.send({
    t: 'report',
    report: {
      ...x.report({ full: false }),
      bootId: 'boot-1',
      seq: 90,
      full: true,
      domains: [],
      samples: [x.sample('load', 5, { at: 1 })],
    },
  })
  await run(of.clock, 3 * SECOND)
  t.equal(of.coordinator.fleet.snapshot().vms.length, 1)
  t.equal(openTelemetry(of.ports.db).samples(a, 'load', 0, 10).length, 1)
  t.ok(x.acks.some(ack => ack.bootId === 'boot-1' && ack.seq === 90))
})

t.test('a partial report of an unknown boot waits for a full one', async t => {
  const of = world()
  const x = of.agent('x').connect()
  await of.clock.advance(10)
  x.report({ full: false, domains: [domain(1)] })
  await of.clock.advance(10)
  t.strictSame(of.coordinator.fleet.snapshot().hosts, [])
  x.report({ domains: [domain(1)] })
  await of.clock.advance(10)
  t.equal(of.coordinator.fleet.snapshot().vms.length, 1)
})

t.test('a newer session of a host replaces the older; a session speaks for its own host only', async t => {
  const of = world()
  const x = of.agent('x').connect()
  await of.clock.advance(10)
  const first = x.link!
  let closed = 0
  first.a.onClose = code => (closed = code)
  x.connect()
  await of.clock.advance(10)
  t.equal(closed, closeCodes.replaced)
  t.ok(of.coordinator.fleet.host(x.host)?.connected, 'the end of the old session is not the end of the host')
  x.report({ host: 'y' as typeof x.host })
  await of.clock.advance(10)
  t.equal(x.closed?.code, closeCodes.unauthorised)
  t.notOk(of.coordinator.fleet.host(x.host)?.connected)
})

t.test('certificates of others, and silence, end a session', async t => {
  const of = world()
  const [x, y] = [of.agent('x'), of.agent('y', 'b')]
  x.connect({ name: 'y', key: y.signer.fingerprint })
  await of.clock.advance(10)
  t.equal(x.closed?.code, closeCodes.unauthorised)
  y.connect()
  await of.clock.advance(10)
  y.link!.cut = true
  await run(of.clock, 40 * SECOND)
  t.notOk(of.coordinator.fleet.host(y.host)?.connected)
})

t.test('a store that fails: nothing is confirmed, nothing is lost', async t => {
  const of = world()
  const x = of.agent('x').connect()
  await of.clock.advance(10)
  of.ports.db.exec('ALTER TABLE sample RENAME TO away')
  x.report({ samples: [x.sample('load', 1)] })
  await run(of.clock, 5 * SECOND)
  t.strictSame(x.acks, [])
  t.ok(of.log.lines.some(line => line.message === 'reports cannot be stored'))
  of.ports.db.exec('ALTER TABLE away RENAME TO sample')
  await run(of.clock, 5 * SECOND)
  t.equal(x.acks.length, 1)
})

t.test('alarms of an agent are raised and cleared once', async t => {
  const of = world()
  const x = of.agent('x').connect()
  await of.clock.advance(10)
  const alarm = { key: 'k', state: 'raised' as const, text: 'text', remedy: 'remedy', at: START_WALL }
  x.report({ alarms: [alarm] })
  x.report({ full: false, alarms: [alarm] })
  await of.clock.advance(10)
  t.match((await of.coordinator.console.status()).alarms, [{ source: 'x', key: 'k', text: 'text' }])
  x.report({ full: false, alarms: [{ ...alarm, state: 'cleared' }] })
  await of.clock.advance(10)
  t.strictSame((await of.coordinator.console.status()).alarms, [])
})

t.test('a journal that comes back shorter raises an alarm', async t => {
  const of = world()
  const x = of.agent('x').connect()
  await of.clock.advance(10)
  const again = async (seq: number, hash: string): Promise<string[]> => {
    x.hello = () => ({ ...Object.getPrototypeOf(x).hello.call(x), journal: { seq, hash: hash.repeat(64) } })
    x.connect()
    await of.clock.advance(10)
    return (await of.coordinator.console.status()).alarms.map(({ key }) => key)
  }
  t.strictSame(await again(9, 'b'), [])
  t.strictSame(await again(9, 'b'), [])
  t.strictSame(await again(5, 'c'), ['journal-cut/x'])
  t.strictSame(await again(12, 'd'), [])
})
