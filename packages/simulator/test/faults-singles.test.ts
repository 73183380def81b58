/** A fixed share of all runs with one fault; all of them: ./scripts/bench faults. */
import t from 'tap'
import { caseText, singles } from '@heliotrope/simulator/faults'
import { allHold, grounds, sample, TESTED } from './support/fault-sample.js'

// A minute of computing, which a busy machine takes minutes for.
t.setTimeout(900_000)

void t.test('single faults at every kind of point of each plot', async t => {
  const texts = (await grounds()).flatMap(ground =>
    sample(singles(ground), TESTED).map(fault => caseText({ plot: ground.plot, seed: 0, faults: [fault] })),
  )
  t.ok(texts.length > 1_000, `${texts.length} runs`)
  await allHold(texts, t)
})
