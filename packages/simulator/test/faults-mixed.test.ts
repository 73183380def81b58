/** A fixed share of the runs in which several things go wrong; all of them: ./scripts/bench faults. */
import t from 'tap'
import { caseText, mixture } from '@heliotrope/simulator/faults'
import { allHold, grounds, TESTED } from './support/fault-sample.js'

// Half a minute of computing, which a busy machine takes minutes for.
t.setTimeout(900_000)

void t.test('seeded mixtures', async t => {
  const ground = await grounds()
  const seeds = Array.from({ length: 20_000 * TESTED }, (_, index) => index + 1)
  await allHold(
    seeds.map(seed => caseText(mixture(seed, ground))),
    t,
  )
})
