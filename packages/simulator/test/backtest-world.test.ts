// The world's rules, against figures worked out by hand.
import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import { accountHour } from '../src/backtest/world/account.js'
import { Arrangement, firstFit } from '../src/backtest/world/arrangement.js'
import { factsOf } from '../src/backtest/world/known.js'
import { moveCost } from '../src/backtest/world/move-cost.js'
import { schedule } from '../src/backtest/world/schedule.js'
import { World } from '../src/backtest/world/world.js'
import { small } from './backtest-kit.js'

const near = (t: Test, found: number, wanted: number, what: string): unknown =>
  t.ok(
    Math.abs(found - wanted) < 1e-6 * Math.max(1, Math.abs(wanted)),
    `${what}: ${found}, by hand ${wanted}`,
  )

t.test('an hour without moves: idle, busy, standby, PUE, grid', async t => {
  const world = new World(small(), true)
  world.pass(0, [])
  // a: one host with 2 VMs, 2 of 4 cores busy: 100 + 100, the other at 10; b: two at 10, covered by its green power.
  near(t, world.totals.usedWh, 1.5 * (200 + 10) + 1.5 * 20, 'used')
  near(t, world.totals.greenWh, 30, 'green')
  near(t, world.totals.gridWh, 315, 'grid')
  near(t, world.totals.gCO2eq, 0.315 * 400, 'carbon')
  t.strictSame(
    world.trace[0]!.map(site => [site.vms, site.hostsAwake]),
    [
      [2, 1],
      [0, 0],
    ],
  )
})

t.test('without standby, hosts without VMs are idle', async t => {
  const world = new World(small(), false)
  world.pass(0, [])
  near(t, world.totals.usedWh, 1.5 * (200 + 100) + 1.5 * 200, 'used')
  t.strictSame(
    world.trace[0]!.map(site => site.hostsAwake),
    [2, 2],
  )
})

t.test('what a move takes and costs', async t => {
  const cost = moveCost(small().vms[0]!, small().migration, false)
  near(t, cost.sentMiB, 5120, 'sent')
  near(t, cost.seconds, 51.2, 'seconds')
  near(t, cost.hostWh, (20 + 0.5 * 5120) / 3600, 'Wh of a host')
  near(t, cost.wanWh, 25, 'Wh on the way')
  t.equal(moveCost(small().vms[0]!, small().migration, true).wanWh, 0, 'none inside a site')
})

t.test('downtime: few dirty pages end early, many are bounded', async t => {
  const [vm] = small().vms
  const downtimeS = (dirtyMiBps: number): number =>
    moveCost({ ...vm!, dirtyMiBps }, small().migration, false).downtimeS
  t.equal(downtimeS(0), 0)
  // A tenth of the link: 409.6, 40.96, 4.096, 0.4096, and with five rounds 0.04096 MiB are left.
  near(t, downtimeS(10), 0.04096 / 100, 'five rounds')
  near(t, downtimeS(1000), 1024 / 100, 'never converges: a quarter of the memory')
})

t.test('a move to a sleeping host, second by second', async t => {
  const world = new World(small({ vms: [{}] }), true)
  const { moves } = world.pass(0, [{ vm: 0, host: 2 }])
  near(t, moves[0]!.startS, 180, 'begins when the target is awake')
  near(t, moves[0]!.endS, 231.2, 'ends')
  // VM: 2 x 0.5 cores of 4 = 50 W. a: 150 + 10 W until 231.2 s, then both hosts at 10 W. b: 110 W from the start, then 160 W.
  const moveWh = (20 + 0.5 * 5120) / 3600
  const aWh = 1.5 * ((160 * 231.2 + 20 * (3600 - 231.2)) / 3600 + moveWh)
  const bWh = 1.5 * ((110 * 231.2 + 160 * (3600 - 231.2)) / 3600 + moveWh)
  near(t, world.totals.usedWh, aWh + bWh + 25, 'used')
  near(t, world.totals.gridWh, aWh + 25, 'grid: b has green power enough')
  near(t, world.totals.gCO2eq, (aWh * 400 + 25 * 300) / 1000, 'carbon: the way at the mean of both grids')
  near(t, world.totals.moveWh, 2 * moveWh + 25, 'energy of moving')
  world.pass(1, [])
  near(t, world.trace[1]![0]!.loadW, 1.5 * 20, 'a sleeps')
  near(t, world.trace[1]![1]!.loadW, 1.5 * 160, 'b works')
})

t.test('a move inside a site costs no energy on the way', async t => {
  const world = new World(small({ vms: [{}] }), true)
  world.pass(0, [{ vm: 0, host: 1 }])
  t.equal(world.totals.moves, 1)
  near(t, world.totals.moveWh, (2 * (20 + 0.5 * 5120)) / 3600, 'the hosts only')
})

t.test('moves of one host wait for each other, as many at once as the scenario says', async t => {
  const vms = [{}, {}, {}]
  for (const [most, ends] of [
    [1, [231.2, 282.4, 333.6]],
    [3, [231.2, 231.2, 231.2]],
  ] as const) {
    const facts = factsOf(small({ vms, maxParallelPerHost: most }), true)
    const { moves } = schedule(
      facts,
      firstFit(facts),
      [0, 1, 2].map(vm => ({ vm, host: 2 })),
    )
    t.strictSame(
      moves.map(move => Math.round(move.endS * 10) / 10),
      ends,
      `${most} at once`,
    )
  }
})

t.test('room: memory and vCPUs bound a host; who leaves makes room; swaps are refused', async t => {
  const big = { memoryMiB: 16384, vcpus: 1 }
  const facts = factsOf(
    small({
      vms: [
        { ...big, site: 0 },
        { ...big, site: 1 },
      ],
      hosts: [1, 2],
    }),
    true,
  )
  const before = firstFit(facts)
  t.strictSame([...before.hostOf], [0, 1])
  t.match(schedule(facts, before, [{ vm: 0, host: 1 }]).refused, [{ reason: 'no room' }])
  t.match(
    schedule(facts, before, [
      { vm: 0, host: 1 },
      { vm: 1, host: 0 },
    ]).refused,
    [{ vm: 0 }, { vm: 1 }],
  )
  const { moves, refused } = schedule(facts, before, [
    { vm: 0, host: 1 },
    { vm: 1, host: 2 },
  ])
  t.strictSame(refused, [])
  t.ok(
    moves.find(move => move.vm === 0)!.startS >= moves.find(move => move.vm === 1)!.endS,
    'after the other left',
  )
  const cpus = factsOf(
    small({
      vms: [
        { vcpus: 8, site: 0 },
        { vcpus: 1, site: 1 },
      ],
    }),
    true,
  )
  t.match(
    schedule(cpus, firstFit(cpus), [{ vm: 1, host: 0 }]).refused,
    [{ reason: 'no room' }],
    '2 vCPUs a core',
  )
})

t.test('orders that mean nothing are refused', async t => {
  const facts = factsOf(small(), true)
  const orders = [
    { vm: 7, host: 0 },
    { vm: 0, host: 9 },
    { vm: 0, host: 2 },
    { vm: 1, host: 0 },
    { vm: 1, host: 3 },
  ]
  t.strictSame(
    schedule(facts, firstFit(facts), orders).refused.map(({ reason }) => reason),
    ['no such VM or host', 'no such VM or host', 'twice in an hour', 'already there', 'twice in an hour'],
  )
})

t.test('a move that would not end in the hour does not begin', async t => {
  const scenario = small({ vms: [{}] })
  scenario.migration.linkMbitS = 10
  const world = new World(scenario, true)
  t.match(world.pass(0, [{ vm: 0, host: 2 }]), { moves: [], refused: [{ reason: 'the hour is over' }] })
  t.equal(world.totals.moves, 0)
  near(t, world.totals.usedWh, 1.5 * (160 + 20), 'and wakes nobody')
})

t.test('at the start: first-fit decreasing by memory; a site that is too small is said so', async t => {
  const memory = [4096, 8192, 12288].map(memoryMiB => ({ memoryMiB, vcpus: 1 }))
  const facts = factsOf(small({ vms: memory }), true)
  t.strictSame([...firstFit(facts).hostOf], [0, 1, 0])
  const full = factsOf(small({ vms: Array.from({ length: 9 }, () => ({ vcpus: 2 })) }), true)
  t.throws(() => firstFit(full), { code: 'bad-input', message: /site a has no room for its VM v8/ })
})

t.test('green power that is not used when it is there is lost', async t => {
  // 100 W green; 0 W for half an hour, then 200 W.
  t.strictSame(accountHour(1, 100, 0, [{ atS: 1800, byW: 200 }]), { usedWh: 100, greenWh: 50, gridWh: 50 })
})

t.test('whatever is ordered: nothing is lost, no host overfull, energy adds up', async () => {
  const scenario = small({
    vms: Array.from({ length: 12 }, (_, n) => ({ site: n % 2, vcpus: 1 + (n % 2) })),
    hosts: [3, 3],
  })
  const order = fc.record({ vm: fc.nat(11), host: fc.nat(5) })
  fc.assert(
    fc.property(
      fc.array(fc.array(order, { maxLength: 12 }), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      (hours, standby) => {
        const world = new World(scenario, standby)
        const { host } = world.facts
        let least = Infinity
        hours.forEach((orders, hour) => {
          const { moves, refused } = world.pass(hour, orders)
          if (moves.length + refused.length !== orders.length) throw new Error('an order vanished')
          const fresh = new Arrangement(world.facts, world.arrangement.hostOf)
          if (
            fresh.memoryMiB.some(used => used > host.memoryMiB) ||
            fresh.vcpus.some(used => used > 2 * host.cores)
          )
            throw new Error('overfull')
          least = Math.min(least, ...world.trace[hour]!.map(site => site.loadW))
        })
        const { usedWh, greenWh, gridWh } = world.totals
        return Math.abs(usedWh - greenWh - gridWh) < 1e-6 && least >= 1.5 * 3 * 10 - 1e-9
      },
    ),
    { numRuns: 200 },
  )
})
