/**
 * Where and when, then who: a linear program says how many hosts' worth of VMs should be at which site in which slot, an
 * election turns its first slot into moves of VMs to hosts. What comes out is checked against staying on the same
 * forecast, and dropped if it is not better.
 */
import type { HostId, Snapshot } from '@heliotrope/shared'
import { answerOf } from './answer/answer.js'
import { pricesOf } from './answer/parts.js'
import { candidate, take } from './elect/candidate.js'
import type { Candidate } from './elect/candidate.js'
import { moveAlone } from './elect/alone.js'
import { Draft } from './elect/draft.js'
import { drainRest } from './elect/drain.js'
import type { SiteForecast } from './forecast/types.js'
import { fleetView, siteView } from './need/fleet-view.js'
import { outlook } from './need/outlook.js'
import type { Outlook } from './need/outlook.js'
import { awake, fleetOf } from './need/site-model.js'
import type { Fleet } from './need/site-model.js'
import { sum } from './need/sums.js'
import { usableForecasts } from './need/usable-forecast.js'
import type { Solver } from './solver/port.js'
import type { Plan, Policy } from './types.js'
import { whereAndWhen } from './where/program.js'
import { trajectoryOf } from './where/trajectory.js'
import { unitsOf } from './where/units.js'
import type { Units } from './where/units.js'

/**
 * Pure: the same snapshot, forecasts, policy and answers of the solver give the same plan, bit for bit. `snapshot.at` is
 * now. Never rejects because of the solver: without its answer everything stays, and the plan says why.
 */
export async function plan(
  snapshot: Snapshot,
  forecasts: readonly SiteForecast[],
  policy: Policy,
  solver: Solver,
): Promise<Plan> {
  const view = fleetView(snapshot, policy, forecasts)
  const look = outlook(snapshot.at, usableForecasts(view, forecasts), policy)
  const fleet = fleetOf(view, look.sites)
  const before = [...view.sites.values()].map(siteView)
  const prices = pricesOf(fleet, look)
  const stay = stays(fleet, look)
  const ways: Candidate[] = []
  let ended: Plan['solver'] = { status: 'not-needed', text: 'there is nothing to decide' }
  for (const units of countings(fleet)) {
    const asked = whereAndWhen(units, look, policy)
    const answer = await solver.solve(asked.program, policy.solverMs)
    if (answer.status !== 'optimal') {
      ended = answer
      ways.length = 0
      break
    }
    ended = {
      status: 'optimal',
      text: `${units.total.toFixed(1)} hosts' worth of VMs over ${look.slots.length} slots`,
    }
    const trajectory = trajectoryOf(asked, answer.values)
    const wanted = trajectory.map(slots => slots[0] as number)
    ways.push(candidate(fleet, look, units, wanted, trajectory))
  }

  const best = ways.reduce<Candidate | undefined>((a, b) => (a && a.total <= b.total ? a : b), undefined)
  const worth =
    best && stay && best.total + policy.marginGCO2eq + policy.marginShare * best.spent.grams < stay.total
  const chosen = worth ? best : stay
  const draft = chosen?.draft ?? new Draft()
  if (chosen) take(chosen)
  if (ended.status === 'optimal' && chosen) moveAlone(fleet, look, chosen.courses, draft, hostsUp(fleet))
  drainRest(fleet, draft)
  return answerOf({ fleet, look, stay, chosen, tried: best, draft, solver: ended, prices, before })
}

/** Hosts that will be awake whatever single VMs do. */
const hostsUp = ({ hosts }: Fleet): Set<HostId> =>
  new Set(
    [...hosts.values()]
      .filter(({ host, sleepable }) => host.vms.size > 0 || (!sleepable && awake(host)))
      .map(({ host }) => host.state.id),
  )

/** Hosts in use as they are, and packed into as few as would do, if that is fewer. */
function countings(fleet: Fleet): Units[] {
  const [asIs, packed] = [unitsOf(fleet, 'as-is'), unitsOf(fleet, 'packed')]
  if (asIs === undefined || packed === undefined) return []
  return packed.total < asIs.total - 1e-6 ? [packed, asIs] : [asIs]
}

/** Nothing moves but what must leave a host that is drained. */
function stays(fleet: Fleet, look: Outlook): Candidate | undefined {
  const units = unitsOf(fleet, 'as-is')
  if (units === undefined || look.slots.length === 0) return undefined
  const wanted = units.sites.map(({ model, covered }) => {
    const drained = model.hosts.filter(({ host, movable }) => host.state.draining && movable.length > 0)
    return sum(covered) + drained.length
  })
  return candidate(fleet, look, units, wanted, undefined)
}
