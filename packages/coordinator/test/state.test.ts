import t from 'tap'
import fc from 'fast-check'
import { MINUTE, SECOND } from '@heliotrope/shared'
import type { HostId, Sample, SiteId } from '@heliotrope/shared'
import { newHostRecord, withReport } from '../src/state/host-record.js'
import type { CpuPoint } from '../src/state/cpu-window.js'
import { whereabouts } from '../src/state/owners.js'
import { siteReading } from '../src/state/site-power.js'
import { hostPower } from '../src/state/vm-power.js'
import { run, world } from './kit.js'
import { domain, facts, START_WALL, uuid } from './samples.js'
import { pair } from './two-hosts.js'

const sample = (meter: string, valueW: number, change: Partial<Sample> = {}): Sample => ({
  meter,
  role: 'green-power',
  valueW,
  at: 1000,
  quality: 'measured',
  ...change,
})

t.test('green power of a site', async t => {
  const read = (samples: Sample[], now = 1000) => {
    const { meters: _meters, ...reading } = siteReading(samples, 'green-power', now, MINUTE)
    return reading
  }
  t.strictSame(read([]), { quality: 'missing' })
  t.strictSame(read([sample('pv', 100), sample('wind', 50)]), { valueW: 150, quality: 'measured' })
  t.strictSame(
    read([sample('pv', 90), sample('pv', 100, { at: 1001 })]),
    { valueW: 100, quality: 'measured' },
    'counted once',
  )
  t.strictSame(read([sample('pv', 100, { role: 'load' })]), { quality: 'missing' })
  t.strictSame(
    read([sample('pv', -3), sample('wind', 50)]),
    { valueW: 50, quality: 'measured' },
    'no debt at night',
  )
  t.strictSame(read([sample('pv', 100), sample('wind', 50, { quality: 'estimated' })]), {
    valueW: 150,
    quality: 'estimated',
  })
  for (const quality of ['stale', 'constant'] as const)
    t.strictSame(
      read([sample('pv', 100), sample('wind', 50, { quality })]),
      { quality },
      'never used silently',
    )
  t.strictSame(read([sample('pv', 100)], 1000 + 2 * MINUTE), { quality: 'stale' }, 'a dead meter')
  t.strictSame(read([sample('pv', 100)], 1000 + 120 * MINUTE), { quality: 'missing' }, 'one that is gone')
  t.strictSame(read([sample('pv', 100, { at: 1000 + 60 * MINUTE })]), { quality: 'stale' }, 'from the future')
})

t.test('watts of VMs', async t => {
  const point = (atS: number, cpuS: Record<string, number>, powerW?: number): CpuPoint => ({
    at: atS * 1000,
    cpuS,
    powerW,
  })
  const model = { idleW: 100, peakW: 300 }
  t.equal(hostPower([], facts(), model), undefined)
  const short = hostPower([point(0, { v: 0 }, 180), point(30, { v: 30 }, 180)], facts(), model)
  t.equal(short?.domainsW.size, 0, 'less than 60 s says nothing')
  const power = hostPower(
    [point(0, { dom0: 0, v: 100, w: 0 }, 160), point(60, { dom0: 10, v: 130, w: 20 }, 160)],
    facts(),
    model,
  )
  t.match(power, { totalW: 160, idleW: 100, estimated: false })
  t.strictSame(
    [...power!.domainsW],
    [
      ['dom0', 10],
      ['v', 30],
      ['w', 20],
    ],
  )
  const reborn = hostPower([point(0, { v: 500 }, 160), point(60, { v: 5, n: 5 }, 160)], facts(), model)
  t.strictSame([...reborn!.domainsW.values()], [30, 30], 'a domain made anew counts from zero')
  const guess = hostPower([point(0, { v: 0 }), point(60, { v: 120 })], facts(), model)
  t.match(guess, { totalW: 200, idleW: 100, estimated: true }, 'without a meter: by load')
  t.match(hostPower([point(0, {}, 60), point(60, {}, 60)], facts(), model), { totalW: 60, idleW: 60 })
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 240 }), { minLength: 1, maxLength: 8 }),
      fc.double({ min: 1, max: 500, noNaN: true }),
      (cpus, watts) => {
        const at = (factor: number): Record<string, number> =>
          Object.fromEntries(cpus.map((cpu, i) => [`d${i}`, cpu * factor]))
        const of = hostPower([point(0, at(0), watts), point(60, at(1), watts)], facts(), model)!
        const shared = [...of.domainsW.values()].reduce((sum, value) => sum + value, 0)
        const expected = cpus.some(cpu => cpu > 0) ? of.totalW : of.idleW
        return Math.abs(shared + of.idleW - expected) < 1e-6
      },
    ),
  )
})

t.test('reports into a record, in whatever order they come', async t => {
  const base = { ...newHostRecord('x' as HostId, 'a' as SiteId, 'k', 'boot') }
  const report = (seq: number, full = false) => ({
    host: 'x' as HostId,
    site: 'a' as SiteId,
    bootId: 'boot',
    seq,
    at: seq * 1000,
    full,
    domains: [domain(seq)],
    samples: [],
    cpuS: {},
    moves: [],
    alarms: [],
  })
  fc.assert(
    fc.property(fc.shuffledSubarray([2, 3, 4, 5, 6, 7], { minLength: 1 }), order => {
      let record = withReport(base, report(1, true))
      for (const seq of order) record = withReport(record, report(seq))
      return record.domains[0]?.domid === Math.max(...order)
    }),
  )
  const record = withReport(base, report(1, true))
  t.equal(withReport(record, report(1, true)), record, 'a repeat is the same record')
  t.equal(withReport(record, { ...report(9, true), bootId: 'other' }), record, 'another boot is history')
})

t.test('where a VM is', async t => {
  const host = (id: string, domains: ReturnType<typeof domain>[], connected = true) => ({
    ...newHostRecord(id as HostId, 'a' as SiteId, 'k', 'boot'),
    connected,
    domains,
  })
  type Hosts = ReturnType<typeof host>[]
  const at = (...hosts: Hosts) => owned(undefined, ...hosts)
  /** @param owner as certified */
  const owned = (owner: string | undefined, ...hosts: Hosts) => {
    const place = whereabouts(hosts, (_, { id }) => ({
      standing: id === owner ? 'owner' : 'bare',
      settled: owner !== undefined,
      dropped: false,
    })).get(uuid(1))
    return { host: place?.owner.host.id, running: place?.runningAt }
  }
  t.strictSame(at(host('x', [domain(1)])), { host: 'x', running: ['x'] })
  t.strictSame(
    at(
      host('x', [domain(1, { state: 'suspended', name: 'vm1--migratedaway' })]),
      host('y', [domain(1, { state: 'paused', name: 'vm1--incoming' })]),
    ),
    {
      host: 'x',
      running: [],
    },
  )
  t.strictSame(
    at(
      host('x', [domain(1, { state: 'suspended', name: 'vm1--migratedaway' })]),
      host('y', [domain(1, { epoch: 1 })]),
    ),
    {
      host: 'y',
      running: ['y'],
    },
  )
  const [before, now] = [host('x', [domain(1)], false), host('y', [domain(1, { epoch: 9 })])]
  t.strictSame(owned('y', before, now), { host: 'y', running: ['y'] })
  t.strictSame(owned('x', before, now), { host: 'x', running: ['y'] }, 'whatever epoch another one names')
  const since = (of: typeof before, at: number) => ({ ...of, since: { [uuid(1)]: at } })
  t.strictSame(at(since(before, 1), since(now, 2)), { host: 'x', running: ['y'] }, 'who said so first')
  t.strictSame(at(since(before, 2), since(now, 1)), { host: 'y', running: ['y'] })
  const both = [host('x', [domain(1)]), host('y', [domain(1, { epoch: 1 })])] as const
  t.strictSame(owned('y', ...both), { host: 'y', running: ['x', 'y'] })
})

t.test(
  'running at two places raises an alarm, but not for what an agent kept while it was offline',
  async t => {
    const of = world()
    const [x, y] = await pair(of)
    y.domains = [domain(1, { epoch: 1 })]
    y.report()
    await run(of.clock, 3 * SECOND)
    x.domains = []
    x.report()
    await run(of.clock, 20 * SECOND)
    t.strictSame((await of.coordinator.console.status()).alarms, [])
    x.domains = [domain(1)]
    x.report()
    await run(of.clock, 25 * SECOND)
    t.match((await of.coordinator.console.status()).alarms, [
      { key: `running-twice/${uuid(1)}`, text: /x and y|y and x/ },
    ])
    x.domains = []
    x.report()
    await run(of.clock, SECOND)
    t.strictSame((await of.coordinator.console.status()).alarms, [])
  },
)

t.test('a pin outlives the process; one of the config is taken off there only', async t => {
  const of = world()
  await pair(of)
  const pinned = () => of.coordinator.fleet.snapshot().vms[0]?.pinned
  await of.coordinator.console.pin({ vm: 'vm1', pinned: true, by: 'test' })
  await of.restart()
  t.equal(pinned(), true)
  await of.coordinator.console.pin({ vm: 'vm1', pinned: false, by: 'test' })
  t.equal(pinned(), false)
  of.ports.config.pinnedVms = ['vm1']
  await of.restart()
  await t.rejects(of.coordinator.console.pin({ vm: 'vm1', pinned: false, by: 'test' }), {
    code: 'refused',
    remedy: /pinned_vms/,
  })
  t.equal(pinned(), true)
})

t.test('a snapshot is frozen in time', async t => {
  const of = world({ pinnedVms: ['vm1'] })
  const [x] = await pair(of)
  const before = of.coordinator.fleet.snapshot()
  t.equal(of.coordinator.fleet.snapshot(), before, 'and the same while nothing changes')
  const text = JSON.stringify(before)
  t.match(before.vms, [{ name: 'vm1', host: 'x', site: 'a', pinned: true, epoch: 0 }])
  x.domains = []
  x.report({ samples: [x.sample('green-power', 500)] })
  await of.clock.advance(10)
  t.equal(JSON.stringify(before), text)
  t.match(of.coordinator.fleet.snapshot(), {
    vms: [],
    sites: [{ greenW: 500, greenQuality: 'measured' }, { greenQuality: 'missing' }],
  })
  t.ok(of.coordinator.fleet.snapshot().at > START_WALL)
})
