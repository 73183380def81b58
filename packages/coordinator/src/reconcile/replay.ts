/** Makes a stored decision again, and compares it with what was decided, member by member. */
import type { Solver } from '@heliotrope/planner'
import { errorChain } from '@heliotrope/shared'
import type { StoredPlan } from '../store/plans.js'
import type { Planner } from './planner.js'
import { replaying } from './recorded-solver.js'

export interface Replay {
  plan: number
  at: number
  verdict: string
  /** Bit for bit. */
  same: boolean
  /** Where the two differ: path, then, now. At most `SHOWN`. */
  differences: string[]
}

const SHOWN = 20

/** Never rejects: a planner that throws today is a difference. */
export async function replay(
  stored: StoredPlan,
  planner: Pick<Planner, 'plan'>,
  solver: Solver,
): Promise<Replay> {
  const { id, at, plan, snapshot, forecasts, answers } = stored
  const differences: string[] = []
  try {
    const again = await planner.plan(snapshot, forecasts, plan.policy, replaying(solver, answers))
    // As it would come out of the store: members that are undefined are absent there.
    compare('plan', plan, JSON.parse(JSON.stringify(again)), differences)
  } catch (error) {
    differences.push(`the planner fails: ${errorChain(error)}`)
  }
  return { plan: id, at, verdict: plan.verdict, same: differences.length === 0, differences }
}

function compare(path: string, then: unknown, now: unknown, differences: string[]): void {
  if (differences.length >= SHOWN) return
  const both = [then, now]
  if (both.every(value => typeof value === 'object' && value !== null)) {
    const [a, b] = both as [Record<string, unknown>, Record<string, unknown>]
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      compare(`${path}.${key}`, a[key], b[key], differences)
    return
  }
  if (!Object.is(then, now)) differences.push(`${path}: ${show(then)} then, ${show(now)} now`)
}

const show = (value: unknown): string =>
  (value === undefined ? 'absent' : JSON.stringify(value)).slice(0, 120)
