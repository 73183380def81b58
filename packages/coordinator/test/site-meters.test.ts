import { MINUTE } from '@heliotrope/shared'
import type { HostId, Sample } from '@heliotrope/shared'
import fc from 'fast-check'
import t from 'tap'
import { sitesTable } from '../src/cli/tables.js'
import type { SeenSample } from '../src/state/meter-groups.js'
import { siteReading } from '../src/state/site-power.js'
import { world } from './kit.js'

const NOW = 1_000_000
const seen = (host: string, meter: string, valueW: number, change: Partial<Sample> = {}): SeenSample => ({
  host: host as HostId,
  meter,
  role: 'green-power',
  valueW,
  at: NOW,
  quality: 'measured',
  ...change,
})
const read = (samples: SeenSample[], role: Sample['role'] = 'green-power') =>
  siteReading(samples, role, NOW, MINUTE)
const device = 'SMA/STP/1#103'

t.test('one meter that several agents read counts once', async t => {
  t.match(read([seen('a1', 'roof', 500, { device }), seen('a2', 'inverter', 503, { device, at: NOW + 1 })]), {
    valueW: 503,
    quality: 'measured',
    meters: [{ hosts: ['a1', 'a2'], device, valueW: 503 }],
  })
  t.match(
    read([seen('a1', 'roof', 500), seen('a2', 'roof', 501)]),
    { valueW: 500, meters: { length: 1 } },
    'by name',
  )
  t.match(
    read([seen('a1', 'roof', 500, { device }), seen('a2', 'roof', 700, { device: 'SMA/STP/2#103' })]),
    { valueW: 1_200, meters: { length: 2 } },
    'the same name on two devices is two meters',
  )
  t.match(
    read([seen('a1', 'roof', 500, { device }), seen('a2', 'roof', 500)]),
    { valueW: 500, meters: { length: 1 } },
    'one reader does not know the device yet',
  )
  t.match(read([seen('a1', 'roof', 500, { device }), seen('a1', 'wind', 70)]), { valueW: 570 })
})

t.test('the reader that can be trusted goes first', async t => {
  t.match(read([seen('a1', 'roof', 500), seen('a2', 'roof', 9, { quality: 'stale', at: NOW + 5_000 })]), {
    valueW: 500,
    quality: 'measured',
  })
  t.match(read([seen('a1', 'roof', 500, { at: NOW - 2 * MINUTE }), seen('a2', 'roof', 400)]), { valueW: 400 })
  const none = read([
    seen('a1', 'roof', 500, { quality: 'constant' }),
    seen('a2', 'roof', 9, { quality: 'stale' }),
  ])
  t.equal(none.valueW, undefined)
})

t.test('readers that contradict each other: the cautious value, flagged and explained', async t => {
  t.match(read([seen('a1', 'roof', 500), seen('a2', 'roof', 5_000)]), {
    valueW: 500,
    quality: 'estimated',
    meters: [{ note: /a1 says 500 W, a2 says 5000 W/ }],
  })
  const load = (host: string, valueW: number) => seen(host, 'grid', valueW, { role: 'load' })
  t.match(read([load('a1', 500), load('a2', 5_000)], 'load'), { valueW: 5_000, quality: 'estimated' })
  t.equal(
    read([seen('a1', 'roof', 500), seen('a2', 'roof', 5_000, { at: NOW - 20_000 })]).meters[0]?.note,
    undefined,
  )
})

t.test(
  'whatever the agents and their order, no meter counts twice, and nothing is counted that nobody measured',
  async t => {
    const sample = fc.record({
      host: fc.constantFrom('a1', 'a2', 'a3'),
      meter: fc.constantFrom('x', 'y'),
      device: fc.constantFrom('d1', 'd2', undefined),
      valueW: fc.integer({ min: 0, max: 1_000 }),
      ago: fc.integer({ min: 0, max: 90_000 }),
      quality: fc.constantFrom('measured' as const, 'estimated' as const, 'stale' as const),
    })
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 8 }), fc.func(fc.integer()), (all, order) => {
        const samples = all.map(({ host, meter, valueW, ago, quality, device }) =>
          seen(host, meter, valueW, { at: NOW - ago, quality, ...(device && { device }) }),
        )
        const { valueW, meters } = read(samples)
        const shuffled = [...samples].sort((a, b) => order(a.valueW, a.at) - order(b.valueW, b.at))
        const devices = new Set(samples.map(one => one.device ?? one.meter))
        const most = new Map<string, number>()
        for (const one of samples) most.set(one.meter, Math.max(most.get(one.meter) ?? 0, one.valueW))
        t.ok(meters.length <= devices.size)
        t.ok(
          meters.every(
            meter => meter.valueW === undefined || samples.some(one => one.valueW === meter.valueW),
          ),
        )
        t.equal(valueW === undefined, meters.length === 0 || meters.some(meter => meter.valueW === undefined))
        t.equal(read(shuffled).meters.length, meters.length)
      }),
    )
  },
)

t.test('through reports: the inverter that two dom0s read is there once, and says so', async t => {
  const of = world()
  const [x, y] = [of.agent('x', 'a'), of.agent('y', 'a')]
  for (const agent of [x, y]) agent.connect()
  await of.clock.advance(10)
  x.report({ samples: [x.sample('green-power', 900, { meter: 'roof', device })] })
  y.report({
    samples: [y.sample('green-power', 905, { meter: 'inverter', device, at: of.clock.wall() - 1_000 })],
  })
  await of.clock.advance(10)
  t.match(of.coordinator.fleet.snapshot().sites[0], {
    greenW: 900,
    meters: [{ meter: 'roof', device, hosts: ['x', 'y'], valueW: 900 }],
  })
  t.match(sitesTable(of.coordinator.console.sites()), /a: meter roof \(SMA.*read by x and y, counts once/)
  y.report({ samples: [y.sample('green-power', 90_500, { meter: 'inverter', device })] })
  await of.clock.advance(10)
  t.match(of.coordinator.fleet.snapshot().sites[0], { greenW: 900, greenQuality: 'estimated' })
  t.match(
    sitesTable(of.coordinator.console.sites()),
    /a: meter inverter: .*do not agree: y says 90500 W, x says 900 W/,
  )
})
