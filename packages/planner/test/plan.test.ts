import t from 'tap'
import { apply, checkMove, defaultPolicy, explain, lint, plan } from '@heliotrope/planner'
import type { Plan, ReasonCode, Solver } from '@heliotrope/planner'
import { asleep, darkAndSunny, forecast, host, HOUR, NOW, policy, site, sun, uuid, vm } from './fleet.js'
import type { World } from './fleet.js'
import { asked, solver } from './highs-solver.js'

const planFor = ({ snapshot, forecasts }: World, rules = policy, by: Solver = solver): Promise<Plan> =>
  plan(snapshot, forecasts, rules, by)
const gist = ({ moves }: Plan): string[] => moves.map(move => `${move.name} ${move.from} > ${move.to}`)

void t.test('a VM leaves the dark, and its host falls asleep', async t => {
  const world = darkAndSunny()
  const answer = await planFor(world)
  t.equal(answer.verdict, 'MOVES')
  t.strictSame(
    gist(answer),
    ['vm1 dark-1 > sunny-1'],
    'to the host that is awake, not to the one that sleeps',
  )
  t.strictSame(answer.wakes, [])
  t.strictSame(answer.standbys, [], 'nothing sleeps before it is empty')
  const [move] = answer.moves
  t.match(move, { mode: 'auto', wakes: false, fromSite: 'dark', toSite: 'sunny', measured: false })
  // 110 W at 400 g/kWh against 5 W, for 48 h; moved 1.25 GiB at 2 x 0.512 J/MiB and 5 Wh/GiB.
  t.ok(Math.abs(move!.gainedGCO2eq - 105 * 48 * 0.4) < 1, `${move!.gainedGCO2eq}`)
  t.ok(Math.abs(move!.spentWh - (5 * 1.25 + (2 * (20.2 + 0.512 * 1280)) / 3600)) < 1e-6, `${move!.spentWh}`)
  t.equal(move!.confidence, 1)
  t.strictSame(lint(answer, world.snapshot), [])
  t.match(
    explain(answer, world.snapshot, uuid(1)),
    /should move to sunny-1: with 1 VM moved dark-1 falls empty/,
  )
  t.match(explain(answer, world.snapshot, uuid(2)), /nowhere less/)
  const text = 'vm1: no storage fence on xvda'
  const hosts = world.snapshot.hosts.map(one =>
    one.id === 'dark-1'
      ? { ...one, findings: [{ check: 'storage-fence', level: 'warn' as const, text, remedy: 'see' }] }
      : one,
  )
  t.match(explain(answer, { ...world.snapshot, hosts }, uuid(1)), /No storage fence on xvda\. It should move/)
  const next = await plan(apply(answer, world.snapshot), world.forecasts, policy, solver)
  t.equal(next.verdict, 'POWER')
  t.match(next.standbys, [{ host: 'dark-1', mode: 'auto', reason: /runs no VM/ }])
  const last = await plan(apply(next, apply(answer, world.snapshot)), world.forecasts, policy, solver)
  t.equal(last.verdict, 'NO_ACTION_NEEDED')
})

void t.test('a host that sleeps is woken where the VM needs it', async t => {
  const answer = await planFor(
    darkAndSunny(({ sunny }) => {
      sunny.facts.freeMemoryMiB = 500
    }),
  )
  t.strictSame(gist(answer), ['vm1 dark-1 > sunny-2'])
  t.equal(answer.moves[0]?.wakes, true)
  t.match(answer.wakes, [{ host: 'sunny-2', mode: 'auto', reason: '1 VM of this plan goes there' }])
  t.match(
    lint(
      { ...answer, moves: answer.moves.map(move => ({ ...move, wakes: false })) },
      darkAndSunny().snapshot,
    ),
    [{ reason: { code: 'host-asleep' } }],
  )
})

void t.test('what stands against a move is named', async t => {
  const cases: [ReasonCode, Parameters<typeof darkAndSunny>[0]][] = [
    ['pinned', ({ vm }) => (vm.pinned = true)],
    ['foreign-move', ({ vm }) => (vm.foreignMove = 'seen on dark-9 at 11:58')],
    ['cannot-move-live', ({ vm }) => vm.liveBlockers.push('PCI 00:1f')],
    ['not-running', ({ vm }) => (vm.state = 'paused')],
    ['config-unknown', ({ vm }) => delete vm.config],
    ['busy', ({ vm }) => Object.assign(vm, { busy: 'm-1' })],
    ['host-offline', ({ dark }) => (dark.connected = false)],
    ['report-stale', ({ dark }) => (dark.lastReportAt = NOW - HOUR)],
    ['host-power-unknown', ({ dark }) => (dark.powerState = 'unknown')],
    ['site-mode', ({ snapshot }) => (snapshot.sites[0]!.mode = 'observe')],
    ['green-unknown', ({ snapshot }) => (snapshot.sites[0]!.greenQuality = 'stale')],
    ['no-forecast', ({ forecasts }) => forecasts.splice(0, 1)],
    ['cooldown', ({ vm }) => (vm.lastMovedAt = NOW - HOUR / 4)],
    ['cooldown', ({ vm }) => (vm.lastTriedAt = NOW - HOUR / 12)],
    ['settling', ({ snapshot }) => (snapshot.vms[1]!.lastMovedAt = NOW - 1000)],
  ]
  for (const [code, change] of cases) {
    const world = darkAndSunny(change)
    const answer = await planFor(world)
    t.strictSame(answer.moves, [], code)
    const why = explain(answer, world.snapshot, uuid(1))
    t.match(why, /It stays: /, `${code}: ${why}`)
    t.notMatch(why, /undefined|NaN/)
  }
})

void t.test(
  'a VM that cannot move live moves by save and restore where that is allowed, and says for how long',
  async t => {
    const shadowless = (change: Parameters<typeof darkAndSunny>[0]): ReturnType<typeof darkAndSunny> =>
      darkAndSunny(world => {
        world.vm.liveBlockers = ['PV guest without shadow paging']
        change?.(world)
      })
    const forbidden = shadowless(() => {})
    t.match(explain(await planFor(forbidden), forbidden.snapshot, uuid(1)), /Allow regular moves/)
    const allowed = shadowless(({ vm }) => (vm.regularAllowed = true))
    const [move] = (await planFor(allowed)).moves
    t.match(move, { vm: uuid(1), reason: /cannot move live .* stands still for about \d+ s meanwhile/ })
    t.equal(move?.stillMs, move?.durationMs)
    const live = (await planFor(darkAndSunny(({ vm }) => (vm.regularAllowed = true)))).moves[0]
    t.ok(live && live.stillMs === undefined, 'live where it can be')
    const hopeless = shadowless(({ vm }) => {
      vm.regularAllowed = true
      vm.regularBlockers = ['PCI 00:1f']
    })
    t.match(
      explain(await planFor(hopeless), hopeless.snapshot, uuid(1)),
      /not? .*even by save and restore: PCI/,
    )
    const [one] = allowed.snapshot.vms
    const strict = { ...policy, maxStillMs: (move?.stillMs ?? 0) - 1 }
    t.match(checkMove(allowed.snapshot, strict, one!.uuid, move!.to), [{ code: 'still-too-long' }])
    t.strictSame(checkMove(allowed.snapshot, policy, one!.uuid, move!.to), [])
  },
)

void t.test('what stands against each target is named', async t => {
  const cases: [ReasonCode, Parameters<typeof darkAndSunny>[0]][] = [
    ['no-target', ({ sunny, sleeper }) => (sunny.facts.freeMemoryMiB = sleeper.facts.freeMemoryMiB = 1000)],
    ['no-target', ({ vm }) => (vm.config!.vcpus = 17)],
    [
      'anti-affinity',
      ({ snapshot, sleeper }) => (
        (sleeper.powerState = 'unknown'),
        snapshot.vms.forEach(one => (one.apart = ['x']))
      ),
    ],
    ['residency', ({ vm, snapshot }) => (vm.allowedSites = [snapshot.sites[0]!.id])],
    ['storage-unreachable', ({ sunny, sleeper }) => (sunny.facts.portals = sleeper.facts.portals = [])],
    ['bridge-missing', ({ sunny, sleeper }) => (sunny.facts.bridges = sleeper.facts.bridges = [])],
    ['hypervisor-ability', ({ sunny, sleeper }) => (sunny.facts.virtCaps = sleeper.facts.virtCaps = ['pv'])],
    [
      'cpu-features',
      ({ dark, sunny, sleeper }) => (
        (dark.cpuFeatures = ['avx2']),
        (sunny.cpuFeatures = sleeper.cpuFeatures = ['avx'])
      ),
    ],
  ]
  for (const [code, change] of cases) {
    const world = darkAndSunny(change)
    const answer = await planFor(world)
    t.strictSame(answer.moves, [], code)
    t.match(answer.refusals, [{ vm: uuid(1), reason: { code } }], code)
    t.equal(answer.verdict, 'ALL_REFUSED', code)
  }
})

void t.test('groups: together they go or stay, apart they are never on one host', async t => {
  const pair = darkAndSunny(({ snapshot, dark }) => {
    snapshot.vms.push(vm(3, dark))
    for (const one of snapshot.vms) if (one.host === dark.id) one.together = ['db']
  })
  const both = await planFor(pair)
  t.strictSame(gist(both).sort(), ['vm1 dark-1 > sunny-1', 'vm3 dark-1 > sunny-1'])
  t.strictSame(lint({ ...both, moves: both.moves.slice(0, 1) }, pair.snapshot), [], 'one after the other')
  const held = await planFor(
    darkAndSunny(({ snapshot, dark }) => {
      snapshot.vms.push(vm(3, dark, { pinned: true, together: ['db'] }))
      snapshot.vms[0]!.together = ['db']
    }),
  )
  t.strictSame(held.moves, [], 'one of them is pinned')
  const apart = darkAndSunny(({ snapshot, dark }) => {
    snapshot.vms.push(vm(3, dark))
    for (const one of snapshot.vms) if (one.host === dark.id) one.apart = ['web']
  })
  const two = await planFor(apart)
  t.equal(new Set(two.moves.map(move => move.to)).size, two.moves.length)
})

void t.test('a drained host is left without gain, without forecasts, and without a solver', async t => {
  const drained = (change: (world: World) => void): World =>
    darkAndSunny(({ snapshot, forecasts, sunny, sleeper }) => {
      snapshot.hosts[1]!.draining = true
      Object.assign(sleeper, { powerState: 'awake', connected: true, lastReportAt: NOW })
      sunny.draining = true
      change({ snapshot, forecasts })
    })
  const broken: Solver = { solve: async () => ({ status: 'crashed', text: 'gone' }) }
  const ways: [string, World, Solver][] = [
    ['with all', drained(() => {}), solver],
    ['without forecasts', drained(({ forecasts }) => forecasts.splice(0)), solver],
    ['without a solver', drained(() => {}), broken],
    ['while it rests', drained(({ snapshot }) => (snapshot.vms[1]!.lastMovedAt = NOW - HOUR / 4)), solver],
  ]
  for (const [name, world, by] of ways) {
    const answer = await planFor(world, policy, by)
    t.match(
      gist(answer).filter(move => move.startsWith('vm2')),
      ['vm2 sunny-1 > sunny-2'],
      name,
    )
    t.notOk(
      answer.moves.some(move => move.to === 'sunny-1'),
      'and it gets none',
    )
  }
})

void t.test('without an answer of the solver the plan says so and stays', async t => {
  for (const status of ['out-of-time', 'infeasible', 'unbounded', 'crashed'] as const) {
    const world = darkAndSunny()
    const answer = await planFor(world, policy, { solve: async () => ({ status, text: 'because' }) })
    t.match(answer, { verdict: 'NO_SOLUTION', moves: [], solver: { status, text: 'because' } })
    t.match(explain(answer, world.snapshot, uuid(1)), new RegExp(`no answer \\(${status}: because\\)`))
  }
  const { deadlines, patient } = { deadlines: [] as number[], patient: { ...policy, solverMs: 1234 } }
  await planFor(darkAndSunny(), patient, {
    solve: async (_, deadlineMs) => (deadlines.push(deadlineMs), { status: 'out-of-time', text: '' }),
  })
  t.strictSame(deadlines, [1234])
})

void t.test('a forecast that lies is not believed', async t => {
  const bad: [string, (forecasts: World['forecasts']) => void][] = [
    ['made in the future', list => (list[1] = forecast('sunny', 500, { issuedAt: NOW + HOUR }))],
    ['made 420 min ago', list => (list[1] = forecast('sunny', 500, { issuedAt: NOW - 7 * HOUR }))],
    ['not reach over now', list => (list[1] = forecast('sunny', 500, { start: NOW + HOUR }))],
    ['impossible values', list => (list[1] = forecast('sunny', NaN))],
    ['impossible values', list => (list[1] = forecast('sunny', 5e12))],
    ['out of order', list => (list[1] = forecast('sunny', 500, { spread: -0.5 }))],
    ['other slots', list => (list[1] = forecast('sunny', 500, { slotMs: HOUR / 2 }))],
    [
      'different lengths',
      list =>
        list[1]!.greenW.p10 === undefined ||
        (list[1] = { ...list[1]!, greenW: { ...list[1]!.greenW, p10: [1] } }),
    ],
  ]
  for (const [text, change] of bad) {
    const answer = await planFor(darkAndSunny(({ forecasts }) => change(forecasts)))
    t.strictSame(answer.moves, [], text)
    t.match(
      answer.sites.find(each => each.id === 'sunny')?.out,
      { code: 'no-forecast', text: new RegExp(text) },
      text,
    )
  }
})

void t.test('when: a move for an hour of sun does not pay, one for a day does', async t => {
  const heavy = (green: number[]): Promise<Plan> =>
    planFor(
      darkAndSunny(({ vm, forecasts, snapshot }) => {
        // 7 GiB to carry: 45 Wh, and 45 Wh back.
        Object.assign(vm, { memoryMiB: 7168 })
        Object.assign(vm.config!, { memoryMiB: 7168, maxMemoryMiB: 7168 })
        // All hosts stay awake, so that only its own watts count.
        for (const each of snapshot.sites) each.standby = 'off'
        forecasts[1] = forecast('sunny', green)
        forecasts[0] = forecast('dark', 0)
        vm.powerW = 20
      }),
    )
  const hours = (sunny: number): number[] => Array.from({ length: 48 }, (_, n) => (n < sunny ? 500 : 0))
  t.strictSame(gist(await heavy(hours(2))), [], '2 h of 20 W')
  t.strictSame(gist(await heavy(hours(24))), ['vm1 dark-1 > sunny-1'], '24 h of 20 W')
  const later = darkAndSunny(({ forecasts, snapshot }) => {
    snapshot.vms[1]!.pinned = true
    forecasts[1] = forecast(
      'sunny',
      sun(600).map((_, n) => (n < 24 ? 0 : 500)),
    )
    forecasts[0] = forecast(
      'dark',
      hours(24).map(watts => watts),
    )
  })
  const waits = await planFor(later)
  t.strictSame(gist(waits), [], 'green in the dark today')
  t.ok(
    waits.later.some(move => move.site === 'sunny' && move.hosts > 0),
    'and it knows when it will go',
  )
})

void t.test('a wary operator counts only on green power that nearly always comes', async t => {
  const unsure = darkAndSunny(({ forecasts, snapshot }) => {
    snapshot.sites.forEach(each => (each.awakeFloor = 0))
    forecasts[1] = forecast('sunny', 300, { spread: 1, grid: 700 })
  })
  t.strictSame(gist(await planFor(unsure)), ['vm1 dark-1 > sunny-1'])
})

void t.test('budgets, modes and measured costs', async t => {
  const crowd = darkAndSunny(({ snapshot, dark }) => {
    for (let n = 3; n < 6; n++) snapshot.vms.push(vm(n, dark))
  })
  const few = await planFor(crowd, { ...policy, maxConcurrentMoves: 2 })
  t.equal(few.moves.length, 2)
  t.match(
    few.refusals.map(refusal => refusal.reason.code),
    ['budget-concurrent', 'budget-concurrent'],
  )
  const spent = await planFor(crowd, { ...policy, movesInLastHour: 1000 })
  t.match(spent, { verdict: 'ALL_REFUSED', moves: [], refusals: [{ reason: { code: 'budget-hour' } }] })
  const advice = await planFor(darkAndSunny(({ snapshot }) => (snapshot.sites[0]!.standby = 'recommend')))
  t.equal(advice.moves[0]?.mode, 'recommend', 'it pays only if people let the host sleep')
  const measured = await planFor(
    darkAndSunny(
      ({ vm }) =>
        (vm.moveCost = { moves: 9, durationMs: 40_000, bytes: 2 ** 31, downtimeMs: 90, energyWh: 9 }),
    ),
  )
  t.match(measured.moves[0], { measured: true })
  t.ok(measured.moves[0]!.spentWh > 15, 'nine moves of 9 Wh and 2 GiB outweigh the model')
})

void t.test('nothing to decide asks no solver', async t => {
  const before = asked.count
  const answer = await plan({ at: NOW, sites: [], hosts: [], vms: [] }, [], defaultPolicy, solver)
  t.match(answer, { verdict: 'NO_ACTION_NEEDED', moves: [], solver: { status: 'not-needed' } })
  t.equal(asked.count, before)
  t.match(
    explain(answer, { at: NOW, sites: [], hosts: [], vms: [] }, uuid(1)),
    /not in the fleet; known are: none/,
  )
})

void t.test('a floor keeps hosts awake, and wakes them', async t => {
  const world = darkAndSunny(({ snapshot }) => {
    snapshot.sites[1]!.awakeFloor = 2
  })
  const answer = await planFor(world)
  t.match(answer.wakes, [{ host: 'sunny-2', reason: '2 hosts are to be awake at sunny' }])
  const idle: World = {
    snapshot: {
      at: NOW,
      sites: [site('a', 0, { awakeFloor: 1 })],
      hosts: [host('a-1', 'a'), host('a-2', 'a'), host('a-3', 'a', asleep)],
      vms: [],
    },
    forecasts: [forecast('a', 0)],
  }
  const rest = await planFor(idle)
  t.equal(rest.standbys.length, 1, 'of two that are empty one stays awake')
})

void t.test('a move by hand needs only what is possible', async t => {
  const { snapshot } = darkAndSunny(({ vm }) => {
    vm.pinned = true
  })
  const [one, , sleeper] = snapshot.hosts
  t.strictSame(checkMove(snapshot, policy, uuid(1), snapshot.hosts[1]!.id), [])
  t.match(checkMove(snapshot, policy, uuid(1), one!.id), [{ code: 'same-host' }])
  t.strictSame(checkMove(snapshot, policy, uuid(1), sleeper!.id), [], 'it can be woken')
  t.match(checkMove(snapshot, policy, uuid(9), one!.id), [{ code: 'not-running' }])
})
