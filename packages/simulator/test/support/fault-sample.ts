/** What the samples of fault runs are asked for. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { parseCase, plots, runCase } from '@heliotrope/simulator/faults'
import type { CaseAnswer, CaseResult, Ground } from '@heliotrope/simulator/faults'

const WORKER = fileURLToPath(new URL('../../src/faults/worker-main.js', import.meta.url))

type Outcome = Pick<CaseResult, 'violations' | 'end' | 'remedies'>

function judge(text: string, { violations, end, remedies }: Outcome, t: Test): void {
  if (violations.length > 0)
    t.same(violations, [], `violated; again: ./scripts/bench faults --case '${text}'`)
  if (end === 'stuck') t.not(remedies.length, 0, `stuck without a remedy: ${text}`)
}

/** Plays a case and checks that nothing is violated and nothing is left hanging. */
export async function holds(text: string, t: Test): Promise<CaseResult> {
  const result = await runCase(parseCase(text))
  judge(text, result, t)
  return result
}

/**
 * The same of many cases, in a process of their own: tap hooks every promise of its process, which costs thousands of
 * runs a third of their time.
 */
export async function allHold(texts: readonly string[], t: Test): Promise<void> {
  const worker = fork(WORKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const open = new Set(texts)
  worker.on('message', ({ text, result, error, idle }: CaseAnswer & { idle?: true }) => {
    if (idle) return void worker.disconnect()
    open.delete(text)
    if (error !== undefined) t.fail(`broke: ./scripts/bench faults --case '${text}'`, { error })
    if (result) judge(text, result, t)
  })
  worker.send({ cases: texts })
  const [code] = await once(worker, 'exit')
  t.same([code, [...open].slice(0, 3)], [0, []], `${texts.length} runs, every one played to its end`)
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
export const TESTED = 0.045
