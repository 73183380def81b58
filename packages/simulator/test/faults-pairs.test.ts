/** A fixed share of all runs with a serious fault and one of a link; all of them: ./scripts/bench faults. */
import t from 'tap'
import { caseText, pairs } from '@heliotrope/simulator/faults'
import { grounds, holds, sample, TESTED } from './support/fault-sample.js'

// A minute of computing, which a busy machine takes minutes for.
t.setTimeout(900_000)

void t.test('pairs with a fault of a link', async t => {
  let runs = 0
  for (const ground of await grounds())
    for (const faults of sample(pairs(ground), TESTED)) {
      await holds(caseText({ plot: ground.plot, seed: 0, faults }), t)
      runs++
    }
  t.ok(runs > 1_000, `${runs} runs`)
})
