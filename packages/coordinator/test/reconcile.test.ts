import t from 'tap'
import { HeliotropeError, MINUTE, SECOND } from '@heliotrope/shared'
import { replay } from '../src/reconcile/replay.js'
import { openPlans } from '../src/store/plans.js'
import { run, world } from './kit.js'
import { site } from './samples.js'
import { sunny } from './sunny.js'

t.test('observe: nothing is even proposed', async t => {
  const { of, y } = await sunny('observe')
  t.strictSame((await of.coordinator.console.plan()).moves, [])
  await run(of.clock, 2 * MINUTE, 10 * SECOND)
  t.equal(y.commands.length, 0)
})

t.test('recommend: proposed, and done when accepted', async t => {
  const { of, y, end } = await sunny('recommend')
  const proposed = await of.coordinator.console.plan()
  t.match(proposed, { verdict: 'MOVES', moves: [{ name: 'vm1', from: 'x', to: 'y', mode: 'recommend' }] })
  await run(of.clock, 20 * SECOND)
  t.equal(y.commands.length, 0, 'not by itself')
  t.throws(() => of.coordinator.console.accept({ plan: proposed.id + 7, by: 'test' }), {
    code: 'refused',
    message: /not the present one/,
  })
  t.throws(() => of.coordinator.console.accept({ move: 2, by: 'test' }), { code: 'unknown' })
  await of.coordinator.console.pause({ by: 'test' })
  t.throws(() => of.coordinator.console.accept({ by: 'test' }), { code: 'refused', message: /paused/ })
  await of.coordinator.console.resume({ by: 'test' })
  const { started } = of.coordinator.console.accept({
    plan: (await of.coordinator.console.plan()).id,
    move: 1,
    by: 'alice',
  })
  t.match(started, [{ name: 'vm1', from: 'x', to: 'y' }])
  await run(of.clock, 3 * SECOND)
  t.match(y.commands[0]?.reason, [
    { by: `plan ${proposed.id}`, why: /W of vm1 are greener at b/ },
    { by: 'alice', why: 'accepted' },
  ])
  end()
  await run(of.clock, 10 * SECOND)
  t.equal(of.coordinator.sagas.open().length, 0)
})

t.test('auto: acts by itself, then has nothing to do', async t => {
  const { of, x, y, end, report } = await sunny('auto')
  await run(of.clock, 3 * SECOND)
  t.equal(of.coordinator.sagas.open().length, 1)
  end()
  for (let i = 0; i < 12; i++) {
    report()
    await run(of.clock, 10 * SECOND)
  }
  t.strictSame([x.domains.length, y.domains.length], [0, 1])
  t.equal(y.count('move.prepare-target'), 1)
  t.equal((await of.coordinator.console.plan()).moves.length, 0)
})

t.test('auto: a move that failed is not proposed again at once, not even after a restart', async t => {
  const { of, y, end, report } = await sunny('auto')
  const rounds = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      report()
      await run(of.clock, 10 * SECOND)
    }
  }
  await rounds(1)
  t.equal(of.coordinator.sagas.open().length, 1)
  end('stayed')
  await rounds(6)
  t.equal(of.coordinator.sagas.open().length, 0)
  await of.restart()
  await rounds(18)
  t.equal(y.count('move.prepare-target'), 1)
  t.match(await of.coordinator.console.explain({ vm: 'vm1' }), { text: /It stays: a move of vm1 failed/ })
  await rounds(40)
  t.equal(y.count('move.prepare-target'), 2, 'ten minutes later')
})

t.test('auto, paused: plans go on, acts do not; and a pause outlives the process', async t => {
  const quiet = await sunny('recommend')
  const { of, y } = quiet
  await of.coordinator.console.pause({ by: 'test' })
  of.ports.config.sites = [site('a', 'auto'), site('b', 'auto')]
  await of.restart()
  for (let i = 0; i < 9; i++) {
    quiet.report()
    await run(of.clock, 10 * SECOND)
  }
  t.ok((await of.coordinator.console.status()).paused)
  t.equal((await of.coordinator.console.plan()).moves[0]?.mode, 'auto')
  t.equal(y.commands.length, 0)
  await of.coordinator.console.resume({ by: 'test' })
  await run(of.clock, 5 * SECOND)
  t.equal(y.count('move.prepare-target'), 1)
})

t.test('a drained host: its VMs leave without any gain, and none comes until it is back in use', async t => {
  const { of, x, y, end, report } = await sunny('auto', {}, {}, 0)
  const console = of.coordinator.console
  t.equal((await console.plan()).moves.length, 0, 'nothing to gain')
  await console.drain({ host: 'x', by: 'test', reason: 'new fan' })
  t.match(await console.plan(), { verdict: 'MOVES', moves: [{ name: 'vm1', from: 'x', to: 'y' }] })
  await run(of.clock, 5 * SECOND)
  t.equal(y.count('move.prepare-target'), 1)
  end()
  report()
  await run(of.clock, 30 * SECOND)
  t.strictSame([x.domains.length, y.domains.length], [0, 1])
  await console.drain({ host: 'y', by: 'test' })
  const plan = await console.plan()
  t.strictSame(plan.moves, [], 'the other is drained, too')
  t.match(plan.refusals, [{ name: 'vm1' }], 'and that is said')
})

t.test('a plan is verified again when it is acted upon', async t => {
  const { of, x, y } = await sunny('recommend')
  t.equal((await of.coordinator.console.plan()).moves.length, 1)
  x.domains = [{ ...x.domains[0]!, liveBlockers: ['a device was attached'] }]
  x.report({ full: false })
  await of.clock.advance(20)
  t.throws(() => of.coordinator.reconciler.accept('test'), {
    code: 'refused',
    message: /device was attached/,
  })
  t.equal(y.commands.length, 0)
})

t.test('a decision can be replayed from what is stored; the same decision is stored once', async t => {
  const { of } = await sunny('recommend')
  const plans = openPlans(of.ports.db)
  const { id } = await of.coordinator.console.plan()
  await run(of.clock, SECOND)
  t.equal((await of.coordinator.console.plan()).id, id, 'says the same')
  const stored = plans.find(id)!
  const planner = of.ports.planner
  t.match(await replay(stored, planner, of.ports.solver), { plan: id, same: true, differences: [] })
  const other = { ...stored, plan: { ...stored.plan, verdict: 'NO_ACTION_NEEDED' as const } }
  t.match(await replay(other, planner, of.ports.solver), {
    same: false,
    differences: ['plan.verdict: "NO_ACTION_NEEDED" then, "MOVES" now'],
  })
  t.match(await of.coordinator.console.explain({ vm: 'vm1' }), { name: 'vm1', text: /should move to y/ })
})

t.test('a planner that throws is logged, and asked again', async t => {
  let calls = 0
  const of = world({}, {})
  of.ports.planner = {
    ...of.ports.planner,
    plan: async () => {
      calls++
      throw new HeliotropeError('internal', 'planner broke')
    },
  }
  await of.restart()
  await run(of.clock, 2 * MINUTE, 10 * SECOND)
  t.ok(calls >= 2)
  t.ok(of.log.lines.some(line => line.message === 'planning failed'))
})
