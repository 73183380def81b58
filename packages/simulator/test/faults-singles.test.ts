/** A fixed share of all runs with one fault; all of them: ./scripts/bench faults. */
import t from 'tap'
import { caseText, singles } from '@heliotrope/simulator/faults'
import { grounds, holds, sample, TESTED } from './support/fault-sample.js'

// A minute of computing, which a busy machine takes minutes for.
t.setTimeout(900_000)

void t.test('single faults at every kind of point of each plot', async t => {
  let runs = 0
  for (const { plot, points } of await grounds())
    for (const fault of sample(singles(points), TESTED)) {
      await holds(caseText({ plot, seed: 0, faults: [fault] }), t)
      runs++
    }
  t.ok(runs > 1_000, `${runs} runs`)
})
