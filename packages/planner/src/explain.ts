/** The answer to "why does this VM move?" and "why not?", for people. */
import type { Snapshot, VmId } from '@heliotrope/shared'
import { hardVmReasons, ruledVmReasons } from './feasible/vm-reasons.js'
import { fleetView, headroomW } from './need/fleet-view.js'
import type { Plan, PlannedMove, Refusal } from './types.js'

/** @param snapshot the one that the plan was made from */
export function explain(plan: Plan, snapshot: Snapshot, vm: VmId): string {
  const view = fleetView(snapshot, plan.policy)
  const state = view.vms.get(vm)
  if (state === undefined)
    return `VM ${vm} is not in the fleet; known are: ${snapshot.vms.map(known => known.name).join(', ') || 'none'}.`
  const where = `${state.name} is on ${state.host} at ${state.site} and draws ${state.powerW.toFixed(1)} W.`
  const move = plan.moves.find(candidate => candidate.vm === vm)
  if (move) return `${where} ${moveText(move)}`
  const own = [...hardVmReasons(view, state), ...ruledVmReasons(view, state)]
  if (own.length > 0) return `${where} It stays: ${own.map(reason => reason.text).join('. Also: ')}.`
  const refused = plan.refusals.find(candidate => candidate.vm === vm)
  if (refused) return `${where} It stays: ${refusalText(refused)}`
  const site = view.sites.get(state.site)
  const spare = (site && headroomW(site)) ?? 0
  return `${where} It stays: green power covers all that ${state.site} draws, with ${spare.toFixed(0)} W to spare.`
}

function moveText(move: PlannedMove): string {
  return (
    `It should move to ${move.to}: ${move.reason}. Expected: ${move.gainedWh.toFixed(1)} Wh more green energy and ` +
    `${move.gainedGCO2eq.toFixed(1)} gCO2eq less, for ${move.spentWh.toFixed(2)} Wh and ` +
    `${move.spentGCO2eq.toFixed(2)} gCO2eq spent on moving (confidence ${move.confidence.toFixed(2)}).`
  )
}

function refusalText(refusal: Refusal): string {
  const best =
    refusal.to === undefined ? '' : `the best target would be ${refusal.to} at ${refusal.toSite}, but `
  return `${best}${refusal.reason.text}.`
}
