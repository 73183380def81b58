/** The plan as a value, from what was decided. */
import { weightsAt } from '../need/outlook.js'
import { spentOn } from '../elect/candidate.js'
import type { Expectation, LaterMove, Plan, SiteView, Verdict } from '../types.js'
import { budgetReason, inOrder, planned } from './moves.js'
import type { Decision } from './parts.js'
import { standbys, wakes } from './power.js'
import { refusals } from './refusals.js'

export function answerOf(decision: Decision): Plan {
  const { fleet, draft, solver } = decision
  const { view } = fleet
  const ordered = inOrder(draft.moves)
  const taken = ordered.filter((_, n) => budgetReason(view, n) === undefined)
  const left = ordered.slice(taken.length)
  const moves = planned(decision, taken)
  const refused = refusals(decision, taken, left)
  const [toWake, toRest] = [wakes(decision, taken), standbys(decision)]
  const failed = solver.status !== 'optimal' && solver.status !== 'not-needed'
  const verdict: Verdict =
    moves.length > 0
      ? 'MOVES'
      : failed
        ? 'NO_SOLUTION'
        : toWake.length + toRest.length > 0
          ? 'POWER'
          : refused.wanted > 0
            ? 'ALL_REFUSED'
            : 'NO_ACTION_NEEDED'
  return {
    at: view.at,
    verdict,
    moves,
    wakes: toWake,
    standbys: toRest,
    refusals: refused.list,
    sites: siteViews(decision),
    later: laterMoves(decision),
    expected: expectation(decision),
    solver,
    policy: view.policy,
  }
}

const siteViews = ({ fleet, prices, before }: Decision): SiteView[] =>
  before.map(site => {
    const price = prices.get(site.id)
    return {
      ...site,
      hostsPlanned: fleet.view.sites.get(site.id)?.hosts.filter(host => host.vms.size > 0).length ?? 0,
      ...(price !== undefined && { priceGPerKWh: price }),
    }
  })

function laterMoves({ fleet, look, chosen }: Decision): LaterMove[] {
  const list: LaterMove[] = []
  look.slots.forEach((slot, n) => {
    if (n === 0) return
    fleet.sites.forEach((model, site) => {
      const counts = chosen?.trajectory?.[site]
      const change = counts ? (counts[n] as number) - (counts[n - 1] as number) : 0
      if (Math.abs(change) > 1e-6) list.push({ at: slot.start, site: model.site.state.id, hosts: change })
    })
  })
  return list
}

/** Over all that was elected, also what the budgets leave for later rounds. */
function expectation({ fleet, look, stay, chosen, draft }: Decision): Expectation {
  const last = look.slots.at(-1)
  const untilMs = last ? last.start + last.hours * 3_600_000 : fleet.view.at
  if (!stay || !chosen) return { stayGCO2eq: 0, planGCO2eq: 0, stayGridWh: 0, planGridWh: 0, untilMs }
  const expected = weightsAt(0.5)
  let [grams, gridWh] = [chosen.later.grams + draft.laterGrams, chosen.later.wh]
  fleet.sites.forEach(({ outlook }, n) =>
    look.slots.forEach((_, slot) => {
      const watts = (chosen.courses[n] as number[])[slot] as number
      grams += outlook.grams(slot, watts, expected)
      gridWh += outlook.gridWh(slot, watts, expected)
    }),
  )
  const spent = spentOn(fleet, draft.moves)
  // What leaves a drained host leaves it either way.
  const known = new Set(stay.elected.map(move => move.vm))
  const forced = spentOn(
    fleet,
    draft.moves.filter(move => move.why === 'drain' && !known.has(move.vm)),
  )
  return {
    stayGCO2eq: stay.total + forced.grams,
    planGCO2eq: grams + spent.grams,
    stayGridWh: stay.cost.gridWh + stay.spent.wh + forced.wh,
    planGridWh: gridWh + spent.wh,
    untilMs,
  }
}
