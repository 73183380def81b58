import t from 'tap'
import fc from 'fast-check'
import { MINUTE, SECOND } from '@heliotrope/shared'
import type { MoveId, VmId } from '@heliotrope/shared'
import { meteredMoveWh } from '../src/learn/move-energy.js'
import { openDatabase } from '../src/store/database.js'
import { costFor, openMoveCosts } from '../src/store/move-costs.js'
import { run, world } from './kit.js'
import { uuid } from './samples.js'
import { carry, pair } from './two-hosts.js'

const series = (from: number, to: number, watts: (at: number) => number) =>
  Array.from({ length: Math.floor((to - from) / (5 * SECOND)) + 1 }, (_, i) => {
    const at = from + i * 5 * SECOND
    return { at, valueW: watts(at) }
  })

t.test('energy of a move by both meters: what the sum rises by, the VM itself taken off', async t => {
  const [start, end] = [100 * MINUTE, 102 * MINUTE]
  const source = series(90 * MINUTE, end, at => (at >= start ? 115 : 100))
  const target = series(90 * MINUTE, end, at => (at >= start ? 65 : 50))
  t.equal(meteredMoveWh(start, end, [source, target]), 1, '30 W over 2 min')
  const shifted = series(90 * MINUTE, end, at => (at >= start ? 100 - 20 + 15 : 100))
  const taken = series(90 * MINUTE, end, at => (at >= start ? 50 + 20 + 15 : 50))
  t.equal(meteredMoveWh(start, end, [shifted, taken]), 1, 'its 20 W are on one side or the other')
  t.equal(meteredMoveWh(start, end, [source, []]), undefined, 'one meter is none')
  t.equal(meteredMoveWh(start, start + SECOND, [source, target]), undefined, 'too short to see')
  const wild = series(90 * MINUTE, end, at => (at >= start ? 9_000 : 100))
  t.equal(meteredMoveWh(start, end, [wild, target]), undefined, 'no transfer draws that')
  fc.assert(
    fc.property(fc.double({ min: -400, max: 400, noNaN: true }), rise => {
      const one = series(90 * MINUTE, end, at => (at >= start ? 500 + rise : 500))
      const wh = meteredMoveWh(start, end, [one])
      return wh !== undefined && Math.abs(wh - Math.max(0, rise) / 30) < 1e-6
    }),
  )
})

t.test('what a VM’s last moves say of the next', async t => {
  const costs = openMoveCosts(openDatabase(':memory:'))
  t.equal(costs.learnt().size, 0)
  const row = (n: number, change = {}) => ({
    move: String(n).padStart(26, '0') as MoveId,
    vm: 'v' as VmId,
    at: n,
    memoryMiB: 1024,
    durationMs: 10_000,
    bytes: 1e9,
    stillMs: 100,
    wh: 1,
    metered: false,
    ...change,
  })
  for (let n = 1; n <= 7; n++) costs.keep(row(n, { durationMs: n * 1_000 }))
  costs.keep(row(7, { durationMs: 7_000, wh: 6, metered: true }))
  const learnt = costs.learnt().get('v' as VmId)!
  t.match(learnt, {
    memoryMiB: 1024,
    cost: { moves: 5, durationMs: 5_000, bytes: 1e9, downtimeMs: 100, energyWh: 2 },
  })
  t.match(
    costFor(learnt, 2048),
    { durationMs: 10_000, bytes: 2e9, downtimeMs: 100, energyWh: 4 },
    'it has grown',
  )
  costs.keep(row(8, { vm: 'w' as VmId, stillMs: undefined }))
  t.match(costs.learnt().get('w' as VmId), { cost: { moves: 1, downtimeMs: 0 } })
})

t.test('a finished move teaches the snapshot, at once by the model and then by the meters', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  const cost = () => of.coordinator.fleet.snapshot().vms[0]?.moveCost
  t.equal(cost(), undefined)
  const report = (watts: number): void => {
    for (const agent of [x, y])
      agent.report({ samples: [agent.sample('host-power', watts, { meter: agent.host })] })
  }
  for (let i = 0; i < 6; i++) {
    report(100)
    await run(of.clock, 5 * SECOND)
  }
  of.coordinator.console.migrate({ vm: 'vm1', host: 'y', by: 'test' })
  await run(of.clock, SECOND)
  const startedAt = of.clock.wall()
  for (let i = 0; i < 12; i++) {
    report(118)
    await run(of.clock, 5 * SECOND)
  }
  const { 'move.standing': standing } = x.answers
  const endedAt = of.clock.wall()
  x.answers['move.standing'] = async (args, body) => ({
    ...(await standing!(args, body)),
    startedAt,
    endedAt,
    bytes: 300e6,
    stillMs: 250,
  })
  moving.end('moved')
  for (const agent of [x, y]) agent.report()
  await run(of.clock, 10 * SECOND)
  t.match(cost(), { moves: 1, durationMs: endedAt - startedAt, bytes: 300e6, downtimeMs: 250 })
  const modelled = cost()?.energyWh ?? 0
  // Liu et al. 2011, on each of two hosts: 20.2 J and 0.512 J a MiB.
  const byTheModel = (2 * (20.2 + (0.512 * 300e6) / 2 ** 20)) / 3600
  t.ok(Math.abs(modelled - byTheModel) < 0.001, `${modelled} Wh, by the model ${byTheModel}`)
  await run(of.clock, 3 * MINUTE, 10 * SECOND)
  const metered = cost()?.energyWh ?? 0
  t.ok(Math.abs(metered - 0.6) < 0.02, `2 x 18 W for a minute: ${metered}`)
  await of.restart()
  t.equal(of.coordinator.fleet.snapshot().vms.find(vm => vm.uuid === uuid(1))?.moveCost?.energyWh, metered)
})
