/** A second look at a plan, by other means than the election: what it breaks in a snapshot that may be newer. */
import type { Snapshot } from '@heliotrope/shared'
import { sleeps } from './feasible/host-reason.js'
import { hardPairReasons, ruledPairReasons } from './feasible/pair-reasons.js'
import { hardVmReasons, ruledVmReasons } from './feasible/vm-reasons.js'
import { fleetView, shift } from './need/fleet-view.js'
import type { Plan, Problem, Reason } from './types.js'

/** Pacing, not safety: a plan stays right when the rest of a VM has begun meanwhile. */
const pacing: readonly Reason['code'][] = ['cooldown', 'settling']

/** Every constraint of every move, verified anew, with the moves before it counted. Empty: the plan may be acted upon. */
export function lint(plan: Plan, snapshot: Snapshot): Problem[] {
  const view = fleetView(snapshot, plan.policy)
  const seen = new Set<string>()
  const along = new Set(plan.moves.flatMap(move => [move.vm, ...(move.with ?? [])]))
  return plan.moves.flatMap(move => {
    const problem = (reason: Reason): Problem => ({ vm: move.vm, to: move.to, reason })
    const vm = view.vms.get(move.vm)
    const target = view.hosts.get(move.to)
    if (vm === undefined) return [problem({ code: 'not-running', text: `VM ${move.vm} is not in the fleet` })]
    if (target === undefined)
      return [problem({ code: 'host-unknown', text: `host ${move.to} is not in the fleet` })]
    if (seen.has(move.vm)) return [problem({ code: 'busy', text: `${vm.state.name} is in this plan twice` })]
    seen.add(move.vm)
    const reasons = [
      ...hardVmReasons(view, vm),
      ...ruledVmReasons(view, vm).filter(reason => !pacing.includes(reason.code)),
      ...hardPairReasons(view, vm, target, along),
      ...ruledPairReasons(target),
    ]
    if (vm.state.host !== move.from)
      reasons.push({
        code: 'same-host',
        text: `${vm.state.name} is on ${vm.state.host}, not on ${move.from} as planned`,
      })
    if (sleeps(target.state) && !move.wakes)
      reasons.push({ code: 'host-asleep', text: `host ${move.to} sleeps, and the plan does not wake it` })
    shift(vm, target)
    return reasons.map(problem)
  })
}
