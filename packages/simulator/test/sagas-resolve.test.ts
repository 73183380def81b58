// `heliotrope sagas` and `heliotrope resolve` on the real coordinator, agents and movers: what is told of a move, and that
// resolve names no end that is not proven, says what is missing, and ends the move as soon as the word can be had.
import t from 'tap'
import { hostId, HOUR, MINUTE } from '@heliotrope/shared'
import type { MoveId } from '@heliotrope/shared'
import { Fleet } from '@heliotrope/simulator'
import { smallSpec, START, VM } from './small-world.js'

const [A, B] = [hostId('a-1'), hostId('b-1')]

async function begin() {
  const fleet = new Fleet({ spec: smallSpec({ startWall: START + 12 * HOUR }), mode: 'observe' })
  await fleet.start()
  await fleet.clock.advance(2 * MINUTE)
  const reason = [{ by: 'test', why: 'by hand', at: START }]
  const move = fleet.coordinator.sagas.request({ vm: VM, to: B, reason })
  const [a, b] = [fleet.agents.get(A)!, fleet.agents.get(B)!]
  const record = (side: 'source' | 'target'): string[] =>
    (side === 'source' ? a : b).journal.read(`${side}/${move}`).map(({ kind }) => kind)
  const until = async (holds: () => boolean): Promise<void> => {
    for (let look = 0; look < 40_000 && !holds(); look++) await fleet.clock.advance(5)
    if (!holds()) throw new Error('never seen')
  }
  /** Asks, and lets time go on until the answer is there. */
  const ask = async <T>(question: Promise<T>): Promise<T> => {
    let done = false
    const answer = question.finally(() => (done = true))
    // Awaited below; until then a refusal is nobody's.
    answer.catch(() => {})
    for (let look = 0; look < 2_000 && !done; look++) await fleet.clock.advance(50)
    return answer
  }
  const resolve = (id: MoveId = move) => ask(fleet.coordinator.console.resolve({ move: id, by: 'test' }))
  return { fleet, a, b, move, record, until, ask, resolve }
}

void t.test('a move under way: its steps in order, whose they are, and what comes next', async t => {
  const { fleet, move, until, ask } = await begin()
  await until(() => (fleet.agents.get(A)!.launcher.statuses()[0]?.progress.bytes ?? 0) > 200e6)
  const saga = await ask(fleet.coordinator.console.saga({ move }))
  t.match(saga, {
    phase: 'STARTED',
    source: { record: 'PREPARED' },
    target: { record: 'PREPARED' },
    missing: [],
  })
  t.match(saga.next, /a-1 still owns the VM/)
  t.equal(saga.outcome, undefined)
  const times = saga.steps.map(({ at }) => at)
  t.same(
    times,
    [...times].sort((x, y) => x - y),
  )
  for (const who of ['coordinator', A, B])
    t.ok(
      saga.steps.some(step => step.who === who),
      `steps of ${who}`,
    )
  t.match(
    saga.steps.find(step => step.record === 'GRANTED'),
    { evidence: /Grant at epoch 0/ },
  )
  t.match(await ask(fleet.coordinator.console.sagas()), [{ move }])
  const before = fleet.journal.head().seq
  await ask(fleet.coordinator.console.saga({ move }))
  t.ok(
    fleet.journal.scan(before + 1, 100).every(one => !one.stream.startsWith('audit/')),
    'looking is no act',
  )
  await t.rejects(ask(fleet.coordinator.console.saga({ move: 'f'.repeat(26) as MoveId })), {
    code: 'unknown',
  })

  t.equal(await fleet.quiesce(20 * MINUTE), true)
  const ended = await ask(fleet.coordinator.console.saga({ move }))
  t.match(ended, { phase: 'DONE', outcome: 'moved', next: /it has ended/ })
  t.match(
    ended.steps.find(step => step.evidence.includes('accept of b-1')),
    { evidence: /signature checked against the Grant/ },
  )
  await fleet.stop()
})

void t.test(
  'given away and the target silent: resolve says what is missing, and guesses nothing',
  async t => {
    const { fleet, a, b, move, record, until, resolve } = await begin()
    await until(() => record('source').includes('COMMIT'))
    fleet.network.cut(A, B, true)
    await b.stop()
    await fleet.clock.advance(MINUTE)
    const outcomes = record('target')
    const stuck = await resolve()
    t.match(stuck, {
      resolved: false,
      outcome: undefined,
      phase: 'STARTED',
      source: { answers: true, record: 'COMMIT' },
      target: { answers: false },
      next: /repeats its Release; b-1 may run it, so nobody else may/,
      missing: [/the word of b-1/, /or proof/],
    })
    t.equal(
      a.host.named('vm1')?.state ?? 'gone',
      a.host.named('vm1') ? 'suspended' : 'gone',
      'its copy stays as it is',
    )
    t.same(record('target'), outcomes, 'nothing was done at the target')
    t.match(
      fleet.coordinator.console['audit.show']({ limit: 1 }),
      [{ act: { what: 'move.resolve', reason: [{ by: 'test' }] }, outcome: 'done' }],
      'who asked is in the audit',
    )

    // The agent is back, the line between the hosts is not: the coordinator carries the words.
    await b.start()
    await fleet.clock.advance(10_000)
    let last = await resolve()
    for (let tries = 0; tries < 20 && !last.resolved; tries++) {
      await fleet.clock.advance(10_000)
      last = await resolve()
    }
    t.match(last, { resolved: true, outcome: 'moved', next: /a-1 and b-1 must still put/ })
    t.match(last.carried.join(), /release of a-1 at epoch 1.*accept of b-1 at epoch 1/)
    t.equal(b.host.named('vm1')?.state, 'running')
    await fleet.stop()
    const { world } = fleet
    t.match([world.watchdog.doubled, world.watchdog.lost, world.disks.bad], [0, 0, 0])
    t.ok(move)
  },
)

void t.test('neither host answers: both words are missing', async t => {
  const { fleet, a, b, record, until, resolve } = await begin()
  await until(() => record('source').includes('PREPARED'))
  await a.stop()
  await b.stop()
  const answer = await resolve()
  t.match(answer, { resolved: false, missing: ['the word of a-1', 'the word of b-1'] })
  t.match(answer.source, { answers: false })
  await a.start()
  await b.start()
  await fleet.quiesce(30 * MINUTE)
  t.match(await resolve(), { resolved: true })
  await fleet.stop()
})
