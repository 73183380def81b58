/**
 * The first planner: headroom now. Moves VMs from sites that draw from the grid to sites with green power to spare,
 * those with the most watts per MiB first, until no move is worth its cost. A later planner looks ahead; its plan has
 * the same shape.
 */
import type { Snapshot, VmState } from '@heliotrope/shared'
import { hardVmReasons, ruledVmReasons } from './feasible/vm-reasons.js'
import { fleetView, headroomW, shift, siteViews, vmMemoryMiB } from './need/fleet-view.js'
import type { FleetView } from './need/fleet-view.js'
import { bestOption } from './score/best-option.js'
import type { Option } from './score/best-option.js'
import type { Plan, PlannedMove, Policy, Reason, Refusal, Verdict } from './types.js'

/** Pure: the same snapshot and policy give the same plan. `snapshot.at` is now. */
export function plan(snapshot: Snapshot, policy: Policy): Plan {
  const view = fleetView(snapshot, policy)
  const sites = siteViews(view)
  const spare = sites.some(site => (site.headroomW ?? 0) > 0)
  const refusals: Refusal[] = []
  const waiting: VmState[] = []
  let refusedInNeed = false
  for (const vm of [...snapshot.vms].sort(byWattsPerMiB)) {
    const inNeed = needs(view, vm)
    const [against] = [...hardVmReasons(view, vm), ...ruledVmReasons(view, vm)]
    if (against === undefined) {
      if (inNeed) waiting.push(vm)
    } else if (inNeed || against.code === 'cannot-move-live') {
      refusals.push(refusal(vm, against))
      refusedInNeed ||= inNeed
    }
  }
  const moves = elect(view, waiting)
  const moving = new Set(moves.map(move => move.vm))
  for (const vm of waiting) if (!moving.has(vm.uuid)) refusals.push(refuse(view, vm, moves.length))
  const refused = spare && (refusedInNeed || moves.length < waiting.length)
  const verdict: Verdict = moves.length > 0 ? 'MOVES' : refused ? 'ALL_REFUSED' : 'NO_ACTION_NEEDED'
  return { at: snapshot.at, verdict, moves, refusals, sites, policy }
}

/** Only a site that draws from the grid has VMs to give away; one without a trusted meter might. */
function needs(view: FleetView, vm: VmState): boolean {
  const site = view.sites.get(vm.site)
  return site !== undefined && (headroomW(site) ?? -1) < 0
}

/** Takes the best moves until nothing changes: a move may make room for another, and one pass would not see it. */
function elect(view: FleetView, waiting: VmState[]): PlannedMove[] {
  const moves: PlannedMove[] = []
  const left = new Set(waiting)
  for (let before = -1; before !== moves.length;) {
    before = moves.length
    for (const vm of left) {
      if (budgetReason(view, moves.length)) return moves
      const option = bestOption(view, vm)
      if (option === undefined || option.against) continue
      left.delete(vm)
      moves.push(planned(view, vm, option))
      shift(view, vm, option.target.state.id)
    }
  }
  return moves
}

function budgetReason(view: FleetView, taken: number): Reason | undefined {
  const { maxConcurrentMoves, maxMovesPerHour } = view.policy
  if (view.inFlight + taken >= maxConcurrentMoves)
    return { code: 'budget-concurrent', text: `${maxConcurrentMoves} moves at once are allowed` }
  if (view.movesInLastHour + view.inFlight + taken >= maxMovesPerHour)
    return { code: 'budget-hour', text: `${maxMovesPerHour} moves an hour are allowed` }
  return undefined
}

/** Why a VM that could leave stays: the best it could get, after all that the plan took up. */
function refuse(view: FleetView, vm: VmState, taken: number): Refusal {
  const option = bestOption(view, vm)
  if (option === undefined)
    return refusal(vm, { code: 'no-headroom', text: 'there is no host at another site' })
  const reason = option.against ?? budgetReason(view, taken)
  // Without a reason the election would have taken it.
  return refusal(vm, reason as Reason, option)
}

function refusal(vm: VmState, reason: Reason, option?: Option): Refusal {
  return {
    vm: vm.uuid,
    name: vm.name,
    from: vm.host,
    fromSite: vm.site,
    ...(option && {
      to: option.target.state.id,
      toSite: option.site.state.id,
      gainW: option.effect.gainW,
    }),
    reason,
  }
}

function planned(view: FleetView, vm: VmState, { target, site, effect }: Option): PlannedMove {
  const { id } = site.state
  const auto = [site, view.sites.get(vm.site)].every(end => end?.state.mode === 'auto')
  const free = headroomW(site) ?? 0
  return {
    vm: vm.uuid,
    name: vm.name,
    from: vm.host,
    to: target.state.id,
    fromSite: vm.site,
    toSite: id,
    reason:
      `${id} has ${free.toFixed(0)} W of green power to spare, ${vm.site} draws from the grid: ` +
      `${effect.gainW.toFixed(1)} W more green power in use for ${vm.name} (${vm.powerW.toFixed(1)} W)`,
    ...effect,
    mode: auto ? 'auto' : 'recommend',
  }
}

/** Most watts for each MiB to carry first. */
function byWattsPerMiB(a: VmState, b: VmState): number {
  const density = (vm: VmState): number => vm.powerW / Math.max(1, vmMemoryMiB(vm))
  return density(b) - density(a) || (a.uuid < b.uuid ? -1 : 1)
}
