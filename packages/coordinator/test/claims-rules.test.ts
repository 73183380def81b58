// What is certified does not depend on the order in which it becomes known, nor on anything that another host says.
import fc from 'fast-check'
import t from 'tap'
import { MAX_EPOCH } from '@heliotrope/shared'
import type { HostId, RunState, SiteId } from '@heliotrope/shared'
import { againstMove, claimsOf } from '../src/state/claims.js'
import type { Judge } from '../src/state/claims.js'
import { Evidence } from '../src/state/evidence.js'
import { newHostRecord } from '../src/state/host-record.js'
import type { HostRecord } from '../src/state/host-record.js'
import { lostVms } from '../src/state/lost-vms.js'
import { whereabouts } from '../src/state/owners.js'
import { domain, uuid, vmConfig } from './samples.js'

const vm = uuid(1)
const [A, B, C] = ['a', 'b', 'c'] as [HostId, HostId, HostId]
const host = (id: HostId, change: Partial<HostRecord> = {}): HostRecord => ({
  ...newHostRecord(id, 's' as SiteId, `key-${id}`, 'boot'),
  ...{ connected: true, reportBoot: 'boot' },
  ...change,
})
const judgeWith = (evidence: Evidence): Judge => ({
  evidence,
  ...{ off: () => false, dropped: () => false, vouched: () => false },
})

t.test('evidence: the same, in whatever order it becomes known', async () => {
  const step = fc.record({ from: fc.constantFrom(A, B, C), to: fc.constantFrom(A, B, C) })
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 6 }),
      fc.infiniteStream(fc.nat()),
      (steps, order) => {
        const proofs = steps.map(({ from, to }, i) => ({
          ...{ epoch: 4 * i + 1, owner: to, by: `move ${i}` },
          gaveUp: from === to ? [] : [from],
        }))
        const [one, other] = [new Evidence(), new Evidence()]
        for (const proof of proofs) one.prove(vm, proof)
        const shuffled = proofs
          .map(proof => [order.next().value ?? 0, proof] as const)
          .sort(([x], [y]) => x - y)
        for (const [, proof] of shuffled) other.prove(vm, proof)
        const last = proofs.at(-1)!
        return (
          one.certified(vm)?.owner === last.owner &&
          JSON.stringify(one.certified(vm)) === JSON.stringify(other.certified(vm)) &&
          [A, B, C].every(id => one.standing(vm, id) === other.standing(vm, id)) &&
          one.standing(vm, last.owner) === 'owner'
        )
      },
    ),
  )
})

/** Anything that one host can say of the VM. */
const saying = fc
  .record({
    connected: fc.boolean(),
    fresh: fc.boolean(),
    state: fc.option(fc.constantFrom<RunState>('running', 'paused', 'suspended', 'crashed')),
    epoch: fc.constantFrom(0, 1, 5, 7, MAX_EPOCH),
    lost: fc.boolean(),
    since: fc.nat(9),
    memoryMiB: fc.nat(9),
  })
  .map(({ connected, fresh, state, epoch, lost, since, memoryMiB }) => {
    const config = { ...vmConfig(1), memoryMiB }
    return host(B, {
      connected,
      reportBoot: fresh ? 'boot' : 'before',
      domains: state ? [domain(1, { state, epoch, config })] : [],
      lost: lost ? [{ vm, name: 'vm1', epoch, certain: true, config }] : [],
      since: { [vm]: since },
    })
  })

t.test('a VM that died with its certified owner: what another host says changes nothing of it', async t => {
  const evidence = new Evidence()
  evidence.prove(vm, { epoch: 5, owner: A, by: 'move m', gaveUp: [C] })
  const died = host(A, { lost: [{ vm, name: 'vm1', epoch: 5, certain: true, config: vmConfig(1) }] })
  let free = 0
  fc.assert(
    fc.property(saying, liar => {
      const [view] = lostVms({
        hosts: [died, liar],
        noteOf: () => ({ epoch: 5, owner: A, pinned: false }),
        fenced: () => false,
        partiesOf: () => [A, C],
        openMoves: () => [],
        givenUp: () => [],
        judge: judgeWith(evidence),
      })
      if (!view) return claimsOf(vm, [died, liar], judgeWith(evidence)).length > 1 || liar.domains.length > 0
      if (view.blocked === undefined) free++
      return view.host === A && view.epoch === 5 && view.config === died.lost?.[0]?.config && !view.claims
    }),
  )
  t.ok(free > 10, `${free} of them free to start`)
})

t.test(
  'a VM that runs on its certified owner is shown there, and moves only if nobody may run it too',
  async t => {
    const evidence = new Evidence()
    evidence.prove(vm, { epoch: 5, owner: A, by: 'move m', gaveUp: [C] })
    const judge = judgeWith(evidence)
    const stale = host(C, { connected: false, domains: [domain(1, { epoch: 4 })] })
    let free = 0
    fc.assert(
      fc.property(saying, fc.boolean(), (liar, connected) => {
        const owner = host(A, { connected, domains: [domain(1, { epoch: 5 })], since: { [vm]: 5 } })
        const hosts = [owner, liar, stale]
        const place = whereabouts(hosts, (_, { id }) => ({
          ...{ standing: evidence.standing(vm, id), settled: true, dropped: false },
        })).get(vm)
        const against = againstMove(vm, A, hosts, judge, false)
        if (against.length === 0) free++
        const elsewhere = againstMove(vm, B, hosts, judge, false)
        return (
          place?.owner.host === owner &&
          elsewhere.length > 0 &&
          against.every(text => /\bb\b/.test(text)) &&
          (against.length > 0 || !liar.domains.some(({ state }) => state === 'running'))
        )
      }),
    )
    t.ok(free > 10, `${free} of them free to move`)
  },
)
