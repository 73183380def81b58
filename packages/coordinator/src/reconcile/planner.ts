/** The planner as the coordinator uses it, and the one that it uses. Pure but for the solver that it is given. */
import { checkMove, explain, lint, plan } from '@heliotrope/planner'
import type { Plan, Policy, Problem, Reason, SiteForecast, Solver } from '@heliotrope/planner'
import type { HostId, Snapshot, VmId } from '@heliotrope/shared'

export interface Planner {
  /** Same inputs and same answers of the solver, same plan, bit for bit. */
  plan(snapshot: Snapshot, forecasts: readonly SiteForecast[], policy: Policy, solver: Solver): Promise<Plan>
  /** What the plan breaks in a snapshot that may be newer. */
  lint(plan: Plan, snapshot: Snapshot): Problem[]
  /** Hard constraints that stand against a move by hand. */
  checkMove(snapshot: Snapshot, policy: Policy, vm: VmId, to: HostId): Reason[]
  explain(plan: Plan, snapshot: Snapshot, vm: VmId): string
}

export const thePlanner: Planner = {
  plan,
  lint,
  checkMove,
  explain,
}
