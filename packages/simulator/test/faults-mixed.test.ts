/** A fixed sample of runs in which several things go wrong; all of them: ./scripts/bench faults. */
import t from 'tap'
import { caseText, mixture, pairs, plots, runCase } from '@heliotrope/simulator/faults'
import type { Ground } from '@heliotrope/simulator/faults'
import { everyNth, holds } from './support/fault-sample.js'

// Some ten seconds of computing, which a busy machine takes minutes for.
t.setTimeout(600_000)

const grounds = (): Promise<Ground[]> =>
  Promise.all(
    plots.map(async plot => ({ plot, points: (await runCase({ plot, seed: 0, faults: [] })).points })),
  )

void t.test('a sample of pairs with a fault of a link', async t => {
  const all = pairs((await grounds())[0]!.points)
  t.ok(all.length > 10_000, `${all.length} pairs`)
  for (const faults of everyNth(all, 40)) await holds(caseText({ plot: 'there', seed: 0, faults }), t)
})

void t.test('a sample of mixtures', async t => {
  const ground = await grounds()
  for (let seed = 1; seed <= 60; seed++) await holds(caseText(mixture(seed, ground)), t)
})
