/** A fixed share of the runs in which several things go wrong; all of them: ./scripts/bench faults. */
import t from 'tap'
import { caseText, mixture } from '@heliotrope/simulator/faults'
import { grounds, holds, TESTED } from './support/fault-sample.js'

// Half a minute of computing, which a busy machine takes minutes for.
t.setTimeout(900_000)

void t.test('seeded mixtures', async t => {
  const ground = await grounds()
  for (let seed = 1; seed <= 20_000 * TESTED; seed++) await holds(caseText(mixture(seed, ground)), t)
})
