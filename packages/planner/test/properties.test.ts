import t from 'tap'
import { apply, explain, plan } from '@heliotrope/planner'
import { policy } from './fleet.js'
import { examine, noFindings } from './fleet-properties.js'
import { solver } from './highs-solver.js'
import { randomFleet } from './random-fleet.js'

// A machine that does other things as well takes its time.
t.setTimeout(600_000)

const FLEETS = 500

void t.test(
  `${FLEETS} random fleets: lint passes, hard constraints hold, nothing moves twice, never worse than staying`,
  async t => {
    const found = noFindings()
    for (let seed = 1; seed <= FLEETS; seed++)
      await examine(randomFleet(seed), policy, solver, `fleet ${seed}`, found)
    t.ok(found.moves > FLEETS, `${found.moves} moves`)
    t.ok(found.wakes > 10 && found.standbys > 100 && found.drained > 10, JSON.stringify(found))
    t.strictSame([found.lint, found.hard, found.again, found.worse], [[], [], [], []])
  },
)

void t.test('without rest times it still comes to rest', async t => {
  const restless = { ...policy, cooldownMs: 0, settleMs: 0 }
  for (let seed = 1; seed <= 60; seed++) {
    const { snapshot, forecasts } = randomFleet(seed)
    let [now, rounds] = [snapshot, 0]
    for (; rounds < 8; rounds++) {
      const answer = await plan(now, forecasts, restless, solver)
      if (answer.moves.length === 0) break
      now = apply(answer, now)
    }
    if (rounds === 8) t.fail(`fleet ${seed} is restless`)
  }
  t.pass()
})

void t.test(
  'the same input gives the same plan, bit for bit, in whatever order it comes, and is not changed',
  async t => {
    for (let seed = 1; seed <= 40; seed++) {
      const { snapshot, forecasts } = randomFleet(seed)
      const before = JSON.stringify([snapshot, forecasts])
      const first = JSON.stringify(await plan(snapshot, forecasts, policy, solver))
      if (JSON.stringify([snapshot, forecasts]) !== before) t.fail(`fleet ${seed}: input changed`)
      const turned = {
        ...snapshot,
        sites: [...snapshot.sites].reverse(),
        hosts: [...snapshot.hosts].reverse(),
        vms: [...snapshot.vms].reverse(),
      }
      const second = JSON.stringify(await plan(turned, [...forecasts].reverse(), policy, solver))
      if (second !== first) t.fail(`fleet ${seed}`)
    }
  },
)

void t.test('one word for each VM, at most, and an answer to why for each', async t => {
  for (let seed = 1; seed <= 60; seed++) {
    const { snapshot, forecasts } = randomFleet(seed)
    const answer = await plan(snapshot, forecasts, policy, solver)
    const named = [...answer.moves, ...answer.refusals].map(each => each.vm)
    if (new Set(named).size !== named.length) t.fail(`fleet ${seed}: twice`)
    if ((answer.verdict === 'MOVES') !== answer.moves.length > 0) t.fail(answer.verdict)
    for (const vm of snapshot.vms) {
      const text = explain(answer, snapshot, vm.uuid)
      if (/undefined|NaN|Infinity/.test(text)) t.fail(`fleet ${seed}: ${text}`)
    }
  }
})
