/** The answer to "why does this VM move?" and "why not?", for people. */
import type { Snapshot, VmId } from '@heliotrope/shared'
import { hardVmReasons, ruledVmReasons } from './feasible/vm-reasons.js'
import { fleetView } from './need/fleet-view.js'
import type { Plan, PlannedMove, Refusal, SiteView } from './types.js'

/** @param snapshot the one that the plan was made from */
export function explain(plan: Plan, snapshot: Snapshot, vm: VmId): string {
  const view = fleetView(snapshot, plan.policy)
  const work = view.vms.get(vm)
  if (work === undefined)
    return `VM ${vm} is not in the fleet; known are: ${snapshot.vms.map(known => known.name).join(', ') || 'none'}.`
  const { state } = work
  const where = `${state.name} is on ${state.host} at ${state.site} and draws ${state.powerW.toFixed(1)} W.${fenceText(snapshot, state)}`
  const move = plan.moves.find(candidate => candidate.vm === vm)
  if (move) return `${where} ${moveText(move)}`
  const own = [...hardVmReasons(view, work), ...ruledVmReasons(view, work)].map(reason => reason.text)
  const site = plan.sites.find(candidate => candidate.id === state.site)
  if (site?.out) own.push(site.out.text)
  if (own.length > 0) return `${where} It stays: ${own.join('. Also: ')}.`
  const refused = plan.refusals.find(candidate => candidate.vm === vm)
  if (refused) return `${where} It stays: ${refusalText(refused)}`
  if (plan.verdict === 'NO_SOLUTION')
    return `${where} It stays: the solver gave no answer (${plan.solver.status}: ${plan.solver.text}).`
  return `${where} It stays: ${priceText(site, plan)}`
}

/** What the host's doctor says of the VM's disks. */
function fenceText({ hosts }: Snapshot, { name, host }: { name: string; host: string }): string {
  const found = hosts
    .find(({ id }) => id === host)
    ?.findings.find(({ check, text }) => check === 'storage-fence' && text.startsWith(`${name}: `))
  return found ? ` ${found.text.slice(name.length + 2)}.`.replace(/^ no/, ' No') : ''
}

function moveText(move: PlannedMove): string {
  const basis = move.measured ? 'measured on earlier moves' : 'reckoned from its memory'
  return (
    `It should move to ${move.to}: ${move.reason}. Expected as its share: ${move.gainedWh.toFixed(1)} Wh less from the ` +
    `grid and ${move.gainedGCO2eq.toFixed(1)} gCO2eq less, for ${move.spentWh.toFixed(2)} Wh and ` +
    `${move.spentGCO2eq.toFixed(2)} gCO2eq spent on moving (${basis}; confidence ${move.confidence.toFixed(2)}).`
  )
}

function refusalText({ to, toSite, reason }: Refusal): string {
  const best = to === undefined ? '' : `the best target would be ${to} at ${toSite}, but `
  return `${best}${reason.text}.`
}

/** No site is so much better that a move there and the next one pay. */
function priceText(site: SiteView | undefined, { sites, expected, at }: Plan): string {
  const priced = sites.filter(each => each.priceGPerKWh !== undefined)
  const [cheapest] = [...priced].sort((a, b) => (a.priceGPerKWh as number) - (b.priceGPerKWh as number))
  if (site?.priceGPerKWh === undefined || cheapest === undefined)
    return 'nothing is known of what its site will draw from the grid.'
  const hours = Math.round((expected.untilMs - at) / 3_600_000)
  const own = `one more kWh at ${site.id} costs ${site.priceGPerKWh.toFixed(0)} gCO2eq over the next ${hours} h`
  if (cheapest.id === site.id || (cheapest.priceGPerKWh as number) >= site.priceGPerKWh)
    return `${own}, and nowhere less.`
  return (
    `${own}, at ${cheapest.id} ${(cheapest.priceGPerKWh as number).toFixed(0)} gCO2eq; ` +
    'moving, and what moves after it, would cost more than that saves, or there is no room.'
  )
}
