/** `heliotrope audit replay`: makes a stored decision again, with the coordinator running or not. */
import type { Ms } from '@heliotrope/shared'
import { thePlanner } from '../reconcile/planner.js'
import { replay } from '../reconcile/replay.js'
import { openInlineSolver } from '../solver/inline-solver.js'
import { readStoredPlan } from '../store/read-plan.js'
import type { Answer } from './context.js'

const iso = (at: Ms): string => new Date(at).toISOString()

/** @throws unknown, conflict */
export async function replayCommand(file: string, id: number): Promise<Answer> {
  const stored = readStoredPlan(file, id)
  const json = await replay(stored, thePlanner, await openInlineSolver())
  const { snapshot, forecasts, answers } = stored
  const from = `${snapshot.vms.length} VMs, ${snapshot.hosts.length} hosts, ${forecasts.length} forecasts`
  const failed = answers.filter(({ status }) => status !== 'optimal').map(({ status }) => status)
  const solver = failed.length > 0 ? `\nthe solver failed then, and so it did now: ${failed.join(', ')}` : ''
  const text = json.same
    ? `plan ${id} of ${iso(json.at)}: ${json.verdict}, made again from ${from}: the same, bit for bit${solver}`
    : `plan ${id} of ${iso(json.at)}: DIFFERENT\n${json.differences.map(line => `  ${line}`).join('\n')}${solver}`
  return { json, text, exit: json.same ? 0 : 1 }
}
