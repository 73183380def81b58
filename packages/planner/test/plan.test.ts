import t from 'tap'
import type { Domain, MoveId, Snapshot } from '@heliotrope/shared'
import { checkMove, explain, lint, plan } from '@heliotrope/planner'
import type { Policy, ReasonCode } from '@heliotrope/planner'
import { apply, darkAndSunny, host, NOW, policy, site, uuid, vm } from './fleet.js'

const only = (snapshot: Snapshot, rules: Policy = policy) => plan(snapshot, rules)

void t.test('moves a VM from the grid to the sun, with numbers', async t => {
  const snapshot = darkAndSunny()
  const answer = only(snapshot)
  t.equal(answer.verdict, 'MOVES')
  t.equal(answer.moves.length, 1)
  t.match(answer.moves[0], {
    vm: uuid(1),
    from: 'dark-1',
    to: 'sunny-1',
    gainW: 40,
    gainedWh: 40,
    gainedGCO2eq: 16,
    mode: 'auto',
  })
  t.ok((answer.moves[0]?.spentWh ?? 0) > 0)
  t.match(answer.sites, [
    { id: 'dark', headroomW: -200 },
    { id: 'sunny', headroomW: 400 },
  ])
  t.same(lint(answer, snapshot), [])
  t.match(explain(answer, snapshot, uuid(1)), /should move to sunny-1: sunny has 400 W/)
})

void t.test('nothing to do', async t => {
  const green = darkAndSunny(({ snapshot }) => (snapshot.sites[0] = site('dark', 900, 200)))
  const answer = only(green)
  t.match(answer, { verdict: 'NO_ACTION_NEEDED', moves: [], refusals: [] })
  t.match(explain(answer, green, uuid(1)), /green power covers all/)
  const night = darkAndSunny(
    ({ snapshot }) => (snapshot.sites[1] = site('sunny', 0, 100, { greenQuality: 'constant' })),
  )
  t.match(only(night), { verdict: 'NO_ACTION_NEEDED', refusals: [{ reason: { code: 'no-headroom' } }] })
  t.match(explain(only(night), night, uuid(9)), /not in the fleet; known are: vm1/)
  t.match(explain(only(night), { ...night, vms: [] }, uuid(9)), /known are: none/)
})

const refusing: [ReasonCode, Parameters<typeof darkAndSunny>[0], Partial<Policy>?][] = [
  ['cannot-move-live', ({ vm }) => vm.liveBlockers.push('PV guest, no shadow paging')],
  ['not-running', ({ vm }) => (vm.state = 'paused')],
  ['busy', ({ vm }) => (vm.busy = 'a'.repeat(26) as MoveId)],
  ['config-unknown', ({ vm }) => delete vm.config],
  ['host-unknown', ({ snapshot }) => snapshot.hosts.shift()],
  ['host-offline', ({ dark }) => (dark.connected = false)],
  ['report-stale', ({ dark }) => (dark.lastReportAt = NOW - 10 * 60_000)],
  ['pinned', ({ vm }) => (vm.pinned = true)],
  ['site-mode', ({ snapshot }) => (snapshot.sites[0] = site('dark', 0, 200, { mode: 'observe' }))],
  ['green-unknown', ({ snapshot }) => (snapshot.sites[0] = site('dark', undefined, 200))],
  ['cooldown', ({ vm }) => (vm.lastMovedAt = NOW - 10 * 60_000)],
  ['cooldown', ({ vm }) => (vm.lastTriedAt = NOW - 9 * 60_000), { cooldownMs: 0 }],
  ['cooldown', ({ vm }) => (vm.lastTriedAt = NOW - 29 * 60_000), {}],
  ['settling', ({ vm }) => (vm.lastMovedAt = NOW - 60_000), { cooldownMs: 0 }],
  ['budget-concurrent', () => {}, { maxConcurrentMoves: 0 }],
  ['budget-hour', () => {}, { movesInLastHour: 1000 }],
  ['hypervisor-ability', ({ sunny }) => (sunny.facts.virtCaps = ['pv'])],
  ['target-memory', ({ sunny }) => (sunny.facts.freeMemoryMiB = 1056 + policy.reserveMiB - 1)],
  ['storage-unreachable', ({ sunny }) => (sunny.facts.portals = [])],
  ['storage-unreachable', ({ vm }) => (vm.config!.disks[0]!.source = { kind: 'local', path: '/dev/vg/x' })],
  ['bridge-missing', ({ sunny }) => (sunny.facts.bridges = [])],
  [
    'target-unfit',
    ({ sunny }) => sunny.findings.push({ check: 'xendomains', level: 'fail', text: 'not masked' }),
  ],
  ['host-offline', ({ sunny }) => (sunny.connected = false)],
  ['site-mode', ({ snapshot }) => (snapshot.sites[1] = site('sunny', 500, 100, { mode: 'observe' }))],
  [
    'green-unknown',
    ({ snapshot }) => (snapshot.sites[1] = site('sunny', 500, 100, { greenQuality: 'stale' })),
  ],
  ['gain-below-margin', ({ vm }) => (vm.powerW = 2)],
  ['no-headroom', ({ snapshot }) => snapshot.hosts.pop()],
  [
    'carbon-not-lower',
    ({ snapshot }) =>
      (snapshot.sites = [
        site('dark', 0, 200, { gridIntensity: 10 }),
        site('sunny', 110, 100, { gridIntensity: 900 }),
      ]),
  ],
]

for (const [code, change, rules] of refusing) {
  void t.test(`refuses: ${code}, ${String(change).replace(/\s+/g, ' ').slice(0, 60)}`, async t => {
    const snapshot = darkAndSunny(change)
    const answer = only(snapshot, { ...policy, ...rules })
    t.equal(answer.moves.length, 0)
    t.equal(answer.refusals.length, 1)
    t.equal(answer.refusals[0]?.reason.code, code)
    t.match(explain(answer, snapshot, uuid(1)), /It stays: /)
    t.notMatch(explain(answer, snapshot, uuid(1)), /undefined|NaN/)
  })
}

void t.test('a PV guest: said in words, even where there is no need', async t => {
  const snapshot = darkAndSunny(({ vm, snapshot }) => {
    vm.config!.type = 'pv'
    vm.liveBlockers.push('this hypervisor has no shadow paging, which a PV guest needs')
    snapshot.sites[0] = site('dark', 900, 200)
  })
  const answer = only(snapshot)
  t.match(answer, { verdict: 'NO_ACTION_NEEDED', refusals: [{ reason: { code: 'cannot-move-live' } }] })
  t.match(explain(answer, snapshot, uuid(1)), /cannot move live: this hypervisor has no shadow paging/)
  const able = darkAndSunny(({ dark, sunny, vm }) => {
    vm.config!.type = 'pv'
    for (const each of [dark, sunny]) each.facts.virtCaps.push('shadow')
  })
  t.equal(only(able).moves.length, 1)
})

void t.test('most watts per MiB first, best fit, and no more than the memory holds', async t => {
  const snapshot = darkAndSunny(({ dark, sunny, snapshot }) => {
    sunny.facts.freeMemoryMiB = 2 * 1056 + 64
    const spacious = host('sunny-2', 'sunny')
    spacious.facts.freeMemoryMiB = 1056 + 64 + 1
    snapshot.hosts.push(spacious)
    snapshot.vms = [
      vm(1, dark, { powerW: 20 }),
      vm(2, dark, { powerW: 60 }),
      vm(3, dark, { powerW: 40 }),
      vm(4, dark, { powerW: 30 }),
    ]
  })
  const answer = only(snapshot)
  t.same(
    answer.moves.map(move => [move.name, move.to]),
    [
      ['vm2', 'sunny-2'],
      ['vm3', 'sunny-1'],
      ['vm4', 'sunny-1'],
    ],
  )
  t.match(answer.refusals, [{ name: 'vm1', reason: { code: 'target-memory' } }])
})

void t.test('moves in flight count at their ends', async t => {
  const snapshot = darkAndSunny(({ dark, sunny, snapshot }) => {
    const busy = vm(2, dark, { busy: 'b'.repeat(26) as MoveId, powerW: 395 })
    snapshot.vms.push(busy)
    sunny.moves.push({
      move: busy.busy as MoveId,
      vm: busy.uuid,
      role: 'target',
      record: 'PREPARED',
      phase: 'copying',
      bytes: 0,
      rateBps: 0,
      pages: 0,
      dirtiedPages: 0,
      round: 0,
      remainingPages: 0,
      startedAt: NOW,
      text: '',
    })
    sunny.facts.freeMemoryMiB = 2 * 1056 + 64 - 1
  })
  t.match(only(snapshot).sites[1], { headroomW: 5 })
  t.match(checkMove(snapshot, policy, uuid(1), snapshot.hosts[1]!.id), [{ code: 'target-memory' }])
  snapshot.hosts[1]!.domains.push({ uuid: uuid(2) } as Domain)
  t.same(checkMove(snapshot, policy, uuid(1), snapshot.hosts[1]!.id), [])
  snapshot.sites[0]!.loadW = 700
  snapshot.sites[1]!.greenW = 900
  const tight = only(snapshot, { ...policy, maxConcurrentMoves: 1 })
  t.same(tight.refusals.map(refusal => refusal.reason.code).sort(), ['budget-concurrent', 'busy'])
  snapshot.sites[1]!.greenW = 500
  snapshot.vms[1]!.host = snapshot.hosts[1]!.id
  t.match(only(snapshot).sites[1], { headroomW: 400 }, 'a VM that has arrived is not counted again')
  const told = darkAndSunny(({ vm, sunny }) =>
    Object.assign(vm, { busy: 'c'.repeat(26) as MoveId, movingTo: sunny.id }),
  )
  t.match(only(told).sites[1], { headroomW: 360 }, 'the coordinator knows the target first')
  const odd = darkAndSunny(({ vm }) => (vm.busy = 'c'.repeat(26) as MoveId))
  t.match(only(odd).sites[1], { headroomW: 400 }, 'no host knows the target: nothing is shifted')
})

void t.test('a VM whose move failed gets another chance, later', async t => {
  const since = (minutes: number) => darkAndSunny(({ vm }) => (vm.lastTriedAt = NOW - minutes * 60_000))
  t.equal(only(since(30)).moves.length, 1)
  t.equal(only(since(10), { ...policy, cooldownMs: 0 }).moves.length, 1)
  t.match(explain(only(since(2)), since(2), uuid(1)), /a move of vm1 failed 2 min ago; it rests for 30 min/)
})

void t.test('a site that only recommends marks its moves', async t => {
  const snapshot = darkAndSunny(
    ({ snapshot }) => (snapshot.sites[1] = site('sunny', 500, 100, { mode: 'recommend' })),
  )
  t.match(only(snapshot).moves, [{ mode: 'recommend' }])
  snapshot.sites = [site('dark', 0, 200, { mode: 'recommend' }), site('sunny', 500, 100)]
  t.match(only(snapshot).moves, [{ mode: 'recommend' }])
})

void t.test('by hand: only hard constraints count', async t => {
  const snapshot = darkAndSunny(({ vm }) => (vm.pinned = true))
  const [dark, sunny] = snapshot.hosts.map(each => each.id)
  t.same(checkMove(snapshot, policy, uuid(1), sunny!), [])
  t.match(checkMove(snapshot, policy, uuid(1), dark!), [{ code: 'same-host' }])
  t.match(checkMove(snapshot, policy, uuid(7), dark!), [{ text: /not in the fleet/ }])
  t.match(checkMove(snapshot, policy, uuid(1), host('nowhere', 'x').id), [{ code: 'host-unknown' }])
})

void t.test('a plan is linted against what has changed meanwhile', async t => {
  const snapshot = darkAndSunny()
  const answer = only(snapshot)
  const codes = (later: Snapshot, what = answer) => lint(what, later).map(problem => problem.reason.code)
  t.same(codes(darkAndSunny(({ vm }) => (vm.pinned = true))), ['pinned'])
  t.same(codes(darkAndSunny(({ sunny }) => (sunny.facts.freeMemoryMiB = 10))), ['target-memory'])
  t.same(codes(darkAndSunny(({ snapshot }) => (snapshot.vms = []))), ['not-running'])
  t.same(codes(darkAndSunny(({ snapshot }) => snapshot.hosts.pop())), ['host-unknown'])
  t.same(codes(darkAndSunny(({ snapshot }) => snapshot.sites.pop())), ['site-mode'])
  t.same(codes(apply(answer, snapshot)), ['same-host', 'same-host'])
  t.same(codes(snapshot, { ...answer, moves: [...answer.moves, ...answer.moves] }), ['busy'])
  t.same(codes(darkAndSunny(({ vm }) => (vm.lastMovedAt = NOW))), [], 'pacing is not safety')
})

void t.test('equal hosts: the first by name', async t => {
  const snapshot = darkAndSunny(
    ({ snapshot }) =>
      (snapshot.hosts = [
        snapshot.hosts[0]!,
        host('sunny-b', 'sunny'),
        host('sunny-a', 'sunny'),
        host('sunny-c', 'sunny'),
      ]),
  )
  t.match(only(snapshot).moves, [{ to: 'sunny-a' }])
})

void t.test('a VM of a site that nobody declared is left alone', async t => {
  const snapshot = darkAndSunny(({ snapshot }) => snapshot.sites.shift())
  t.match(only(snapshot), { verdict: 'NO_ACTION_NEEDED', moves: [] })
  t.match(explain(only(snapshot), snapshot, uuid(1)), /only observed/)
  const lost = darkAndSunny(({ snapshot }) => (snapshot.hosts[1]!.site = host('x', 'undeclared').site))
  t.match(only(lost).refusals, [{ reason: { code: 'no-headroom' } }])
})
