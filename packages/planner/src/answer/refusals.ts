/** Who would have gained, or had to go, and stays: with the reason. */
import type { DraftMove } from '../elect/draft.js'
import type { HostWork, VmWork } from '../need/fleet-view.js'
import { sum } from '../need/sums.js'
import type { Reason, Refusal } from '../types.js'
import { budgetReason } from './moves.js'
import type { Decision } from './parts.js'

const refusal = ({ state }: VmWork, reason: Reason, to?: HostWork): Refusal => ({
  vm: state.uuid,
  name: state.name,
  from: state.host,
  fromSite: state.site,
  ...(to && { to: to.state.id, toSite: to.site.state.id }),
  reason,
})

/** At most one a VM, in the order of their ids. `wanted`: those that would have gained. */
export function refusals(
  decision: Decision,
  taken: readonly DraftMove[],
  left: readonly DraftMove[],
): { list: Refusal[]; wanted: number } {
  const { fleet, draft, chosen, tried } = decision
  const of = new Map<VmWork, Refusal>()
  const moving = new Set(taken.map(move => move.vm))
  for (const { vm, to } of left) of.set(vm, refusal(vm, budgetReason(fleet.view, taken.length) as Reason, to))
  for (const [vm, { reason, to }] of draft.failed)
    if (!moving.has(vm) && !of.has(vm)) of.set(vm, refusal(vm, reason, to))
  // What the first stage would have moved, had it been worth it.
  if (tried && tried !== chosen && decision.stay) {
    const less = decision.stay.total - tried.total
    const reason: Reason = {
      code: 'gain-below-margin',
      text: `all moves together would save ${less.toFixed(0)} gCO2eq net of their cost, which is not beyond the margin`,
    }
    for (const { vm, to } of tried.draft.moves)
      if (!moving.has(vm) && !of.has(vm)) of.set(vm, refusal(vm, reason, to))
  }
  const wanted = of.size
  for (const [vm, reason] of fleet.fixed)
    if (!of.has(vm) && inNeed(decision, vm, reason)) of.set(vm, refusal(vm, reason))
  return { list: [...of.values()].sort((a, b) => (a.vm < b.vm ? -1 : 1)), wanted }
}

/** What cannot move at all is always said; what may not, where its site is to have fewer hosts than it has. */
function inNeed({ fleet, tried }: Decision, vm: VmWork, reason: Reason): boolean {
  if (reason.code === 'cannot-move-live' || reason.code === 'foreign-move') return true
  if (vm.on?.state.draining) return true
  const n = fleet.sites.findIndex(model => model.site === vm.on?.site)
  const counts = tried?.trajectory?.[n]
  const covered = tried?.units.sites[n]?.covered
  return counts !== undefined && covered !== undefined && (counts[0] as number) < sum(covered) - 1e-6
}
