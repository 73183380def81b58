import fc from 'fast-check'
import t from 'tap'
import type { HostState, SiteState, Snapshot, VmState } from '@heliotrope/shared'
import { explain, lint, plan } from '@heliotrope/planner'
import { apply, host, NOW, policy, PORTAL, site, vm } from './fleet.js'

const qualities = fc.constantFrom<SiteState['greenQuality']>(
  ...Array<'measured'>(8).fill('measured'),
  'estimated',
  'stale',
  'missing',
)
const modes = fc.constantFrom<SiteState['mode']>(...Array<'auto'>(8).fill('auto'), 'recommend', 'observe')

const aSite = fc.record({
  green: fc.constantFrom(0, 0, 100, 600, 1500),
  load: fc.constantFrom(50, 200, 500),
  quality: qualities,
  mode: modes,
  intensity: fc.integer({ min: 10, max: 900 }),
})
const aHost = fc.record({
  free: fc.integer({ min: 0, max: 12000 }),
  connected: fc.constantFrom(true, true, true, false),
  caps: fc.constantFrom(
    ...Array<string[]>(6).fill(['pv', 'hvm', 'hap']),
    ['pv', 'hvm', 'hap', 'shadow'],
    ['pv'],
  ),
  portals: fc.constantFrom([PORTAL], [PORTAL], [PORTAL], []),
  unfit: fc.boolean(),
})
const rarely = fc.nat(9).map(n => n === 0)
const aVm = fc.record({
  on: fc.nat(20),
  powerW: fc.integer({ min: 0, max: 160 }),
  memoryMiB: fc.constantFrom(256, 1024, 4096),
  pinned: rarely,
  running: fc.boolean(),
  blocked: rarely,
  type: rarely.map(rare => (rare ? 'pv' : 'pvh')),
})

/** Hosts go round the sites, VMs round the hosts. */
const fleets = fc
  .record({
    sites: fc.array(aSite, { minLength: 2, maxLength: 5 }),
    hosts: fc.array(aHost, { minLength: 3, maxLength: 8 }),
    vms: fc.array(aVm, { minLength: 1, maxLength: 14 }),
  })
  .map(({ sites, hosts, vms }): Snapshot => {
    const hostStates = hosts.map((each, n): HostState => {
      const made = host(`host-${n}`, `site-${n % sites.length}`, { connected: each.connected })
      Object.assign(made.facts, { freeMemoryMiB: each.free, virtCaps: each.caps, portals: each.portals })
      if (each.unfit && n % 3 === 0) made.findings.push({ check: 'x', level: 'fail', text: 'broken' })
      return made
    })
    return {
      at: NOW,
      sites: sites.map((each, n) =>
        site(`site-${n}`, each.green, each.load, {
          mode: each.mode,
          greenQuality: each.quality,
          gridIntensity: each.intensity,
        }),
      ),
      hosts: hostStates,
      vms: vms.map(({ on, running, blocked, type, memoryMiB, powerW, pinned }, n): VmState => {
        const made = vm(n, hostStates[on % hostStates.length] as HostState, {
          memoryMiB,
          powerW,
          pinned,
          state: running || n % 4 > 0 ? 'running' : 'paused',
          liveBlockers: blocked ? ['blocked'] : [],
        })
        Object.assign(made.config!, { type, memoryMiB, maxMemoryMiB: memoryMiB })
        return made
      }),
    }
  })

const check = (property: (snapshot: Snapshot) => boolean | void, runs = 500) =>
  fc.assert(fc.property(fc.noBias(fleets), property), { numRuns: runs, seed: 20260601 })

const greenUsed = (snapshot: Snapshot): number =>
  snapshot.sites.reduce((sum, each) => sum + Math.min(each.greenW ?? 0, Math.max(0, each.loadW)), 0)

void t.test('every plan keeps every constraint, and moves nothing without trusted green power', async () => {
  let moves = 0
  check(snapshot => {
    const answer = plan(snapshot, policy)
    moves += answer.moves.length
    if (lint(answer, snapshot).length > 0) throw new Error(JSON.stringify(lint(answer, snapshot)))
    const promised = new Map<string, number>()
    for (const move of answer.moves) {
      const state = snapshot.vms.find(each => each.uuid === move.vm)!
      const target = snapshot.hosts.find(each => each.id === move.to)!
      const ends = [move.fromSite, move.toSite].map(id => snapshot.sites.find(each => each.id === id)!)
      promised.set(move.to, (promised.get(move.to) ?? 0) + state.memoryMiB)
      if ((promised.get(move.to) ?? 0) + policy.reserveMiB > target.facts.freeMemoryMiB)
        throw new Error('memory')
      if (ends.some(end => !['measured', 'estimated'].includes(end.greenQuality))) throw new Error('meter')
      if (ends.some(end => end.mode === 'observe')) throw new Error('observe')
      if (state.pinned || state.state !== 'running' || state.liveBlockers.length > 0) throw new Error('VM')
      if (!target.connected || target.findings.length > 0) throw new Error('target')
      if (state.config!.type === 'pv' && !target.facts.virtCaps.includes('shadow')) throw new Error('PV')
      if (move.gainW < policy.marginW || move.gainedGCO2eq <= move.spentGCO2eq) throw new Error('gain')
    }
  })
  t.ok(moves > 100, `${moves} moves were planned`)
})

void t.test('one word for each VM, at most', async t => {
  check(snapshot => {
    const { moves, refusals, verdict } = plan(snapshot, policy)
    const named = [...moves.map(move => move.vm), ...refusals.map(refusal => refusal.vm)]
    if (new Set(named).size !== named.length) throw new Error('twice')
    if ((verdict === 'MOVES') !== moves.length > 0) throw new Error(verdict)
    for (const each of snapshot.vms)
      if (/undefined|NaN/.test(explain(plan(snapshot, policy), snapshot, each.uuid)))
        throw new Error(each.name)
  }, 200)
  t.pass()
})

void t.test('plan(apply(plan)) is empty', async t => {
  check(snapshot => {
    const answer = plan(snapshot, policy)
    if (answer.moves.length === 0) return
    if (plan(apply(answer, snapshot), policy).moves.length > 0) throw new Error('again')
  })
  t.pass()
})

void t.test('without rest times it still comes to rest, each round with more green power in use', async t => {
  const restless = { ...policy, cooldownMs: 0, settleMs: 0 }
  check(snapshot => {
    let now = snapshot
    for (let round = 0; ; round++) {
      const answer = plan(now, restless)
      if (answer.moves.length === 0) break
      const after = apply(answer, now)
      if (greenUsed(after) <= greenUsed(now)) throw new Error('no gain')
      if (round > 40) throw new Error('flaps')
      now = after
    }
  })
  t.pass()
})

void t.test('the same input gives the same plan, and is not changed', async t => {
  check(snapshot => {
    const before = JSON.stringify(snapshot)
    const first = JSON.stringify(plan(snapshot, policy))
    if (JSON.stringify(plan(structuredClone(snapshot), policy)) !== first) throw new Error('differs')
    if (JSON.stringify(snapshot) !== before) throw new Error('input changed')
  }, 100)
  t.pass()
})
