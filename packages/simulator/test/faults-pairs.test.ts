/** A fixed share of all runs with a serious fault and one of a link; all of them: ./scripts/bench faults. */
import t from 'tap'
import { caseText, pairs } from '@heliotrope/simulator/faults'
import { allHold, grounds, sample, TESTED } from './support/fault-sample.js'

// A minute of computing, which a busy machine takes minutes for.
t.setTimeout(900_000)

void t.test('pairs with a fault of a link', async t => {
  const texts = (await grounds()).flatMap(ground =>
    sample(pairs(ground), TESTED).map(faults => caseText({ plot: ground.plot, seed: 0, faults })),
  )
  t.ok(texts.length > 1_000, `${texts.length} runs`)
  await allHold(texts, t)
})
