/** A plan for people: what it expects, moves, hosts to wake and to send to standby, refusals, what comes later. Pure. */
import type { Plan, PowerChange } from '@heliotrope/planner'
import type { PlanView } from '../console/views.js'
import { table, watts, when } from './tables.js'

const HOUR = 3_600_000

export function planText(plan: PlanView): string {
  const parts = [`Plan ${plan.id} of ${when(plan.at)}: ${plan.verdict}`, expectation(plan), '', moves(plan)]
  if (plan.wakes.length > 0) parts.push('', `Hosts to wake:\n${powerTable(plan.wakes)}`)
  if (plan.standbys.length > 0) parts.push('', `Hosts to send to standby:\n${powerTable(plan.standbys)}`)
  parts.push('', `Sites:\n${sites(plan)}`, '', `Refused:\n${refusals(plan)}`)
  if (plan.later.length > 0) parts.push('', `Later, if the forecasts hold:\n${later(plan)}`)
  if (plan.moves.length > 0) parts.push('', `Accept with: heliotrope accept ${plan.id} [--move N]`)
  for (const [call, changes] of [
    ['wake', plan.wakes],
    ['standby', plan.standbys],
  ] as const) {
    const [first] = changes.filter(change => change.mode === 'recommend')
    if (first) parts.push(`By hand: heliotrope ${call} ${first.host}`)
  }
  return parts.join('\n')
}

/** The solver's failure stands first: everything stays because of it. */
function expectation({ at, expected, solver, verdict }: Plan): string {
  if (verdict === 'NO_SOLUTION')
    return `The solver gave no answer (${solver.status}: ${solver.text}); everything stays where it is.`
  const hours = (expected.untilMs - at) / HOUR
  if (!(hours > 0)) return 'No forecast can be used; nothing is decided by gain.'
  const kg = (grams: number): string => (grams / 1000).toFixed(2)
  return (
    `Expected over ${hours.toFixed(0)} h: ${kg(expected.planGCO2eq)} kgCO2eq and ${kg(expected.planGridWh)} kWh from the grid; ` +
    `if everything stayed, ${kg(expected.stayGCO2eq)} kgCO2eq and ${kg(expected.stayGridWh)} kWh`
  )
}

const moves = (plan: Plan): string =>
  table(
    ['#', 'VM', 'FROM', 'TO', 'GRID', 'gCO2eq', 'TAKES', 'REASON'],
    plan.moves.map((move, i) => [
      i + 1,
      move.name,
      move.from,
      move.wakes ? `${move.to} (asleep)` : move.to,
      `-${watts(move.gainW)}`,
      (move.spentGCO2eq - move.gainedGCO2eq).toFixed(1),
      `${Math.ceil(move.durationMs / 1000)} s${move.measured ? ', measured' : ''}`,
      move.reason,
    ]),
    'no moves',
  )

const powerTable = (changes: readonly PowerChange[]): string =>
  table(
    ['HOST', 'SITE', 'MODE', 'REASON'],
    changes.map(({ host, site, mode, reason }) => [host, site, mode, reason]),
    'none',
  )

const sites = (plan: Plan): string =>
  table(
    ['SITE', 'GREEN', 'LOAD', 'ONE MORE kWh COSTS', 'HOSTS IN USE', 'PLANNED', 'TAKES NO PART BECAUSE'],
    plan.sites.map(site => [
      site.id,
      watts(site.greenW),
      watts(site.loadW),
      site.priceGPerKWh === undefined ? undefined : `${site.priceGPerKWh.toFixed(0)} gCO2eq`,
      site.hostsNow,
      site.hostsPlanned,
      site.out?.text,
    ]),
    'no sites',
  )

const refusals = (plan: Plan): string =>
  table(
    ['VM', 'FROM', 'BEST TARGET', 'STAYS BECAUSE'],
    plan.refusals.map(({ name, from, to, reason }) => [name, from, to, `${reason.text} [${reason.code}]`]),
    'none',
  )

const later = (plan: Plan): string =>
  plan.later
    .map(
      ({ at, site, hosts }) =>
        `  ${when(at)}  ${site} ${hosts > 0 ? '+' : ''}${hosts.toFixed(1)} hosts' worth of VMs`,
    )
    .join('\n')
