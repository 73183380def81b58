/** What the samples of fault runs are asked for. */
import type { Test } from 'tap'
import { parseCase, runCase } from '@heliotrope/simulator/faults'

/** Plays a case and checks that nothing is violated and nothing is left hanging. */
export async function holds(text: string, t: Test): Promise<Awaited<ReturnType<typeof runCase>>> {
  const result = await runCase(parseCase(text))
  if (result.violations.length > 0)
    t.same(result.violations, [], `violated; again: ./scripts/bench faults --case '${text}'`)
  if (result.end === 'stuck') t.not(result.remedies.length, 0, `stuck without a remedy: ${text}`)
  return result
}

/** Spread evenly. */
export const everyNth = <T>(of: readonly T[], count: number): T[] =>
  of.filter(
    (_, index) => Math.floor((index * count) / of.length) < Math.floor(((index + 1) * count) / of.length),
  )
