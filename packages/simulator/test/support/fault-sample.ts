/** What the samples of fault runs are asked for. */
import type { Test } from 'tap'
import { parseCase, plots, runCase } from '@heliotrope/simulator/faults'
import type { Ground } from '@heliotrope/simulator/faults'

/** Plays a case and checks that nothing is violated and nothing is left hanging. */
export async function holds(text: string, t: Test): Promise<Awaited<ReturnType<typeof runCase>>> {
  const result = await runCase(parseCase(text))
  if (result.violations.length > 0)
    t.same(result.violations, [], `violated; again: ./scripts/bench faults --case '${text}'`)
  if (result.end === 'stuck') t.not(result.remedies.length, 0, `stuck without a remedy: ${text}`)
  return result
}

/** A run without faults of each plot. */
export const grounds = (): Promise<Ground[]> =>
  Promise.all(
    plots.map(async plot => ({ plot, points: (await runCase({ plot, seed: 0, faults: [] })).points })),
  )

/** `share` of a list (0 to 1), spread evenly, always the same. */
export const sample = <T>(of: readonly T[], share: number): T[] =>
  of.filter((_, index) => Math.floor(index * share) < Math.floor((index + 1) * share))

/** The share of all that `./scripts/bench faults` plays that the tests play. */
export const TESTED = 0.05
