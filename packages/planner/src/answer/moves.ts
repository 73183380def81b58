/** From the draft to moves as people and programs see them: in order, within budgets, each with its share of the gain. */
import type { DraftMove } from '../elect/draft.js'
import { spentOn } from '../elect/candidate.js'
import { seconds, stillMs } from '../feasible/still-reason.js'
import { wayOf } from '../feasible/way.js'
import type { FleetView, HostWork, SiteWork, VmWork } from '../need/fleet-view.js'
import { awake } from '../need/site-model.js'
import { sum } from '../need/sums.js'
import { confidence } from '../score/evaluate.js'
import type { PlannedMove, Reason } from '../types.js'
import type { Decision } from './parts.js'
import { horizonHours } from './parts.js'

/** Drained hosts first; then hosts that fall empty, the smaller first, each as a whole; then single VMs as elected. */
export function inOrder(moves: readonly DraftMove[]): DraftMove[] {
  const size = new Map<HostWork, number>()
  for (const { from, vm } of moves) size.set(from, (size.get(from) ?? 0) + vm.needMiB)
  const rank = { drain: 0, empty: 1, alone: 2 } as const
  return moves
    .map((move, n) => ({ move, n }))
    .sort((a, b) => {
      const first = rank[a.move.why] - rank[b.move.why]
      if (first !== 0 || a.move.why === 'alone') return first || a.n - b.n
      const [own, other] = [size.get(a.move.from) as number, size.get(b.move.from) as number]
      return (
        own - other ||
        (a.move.from.state.id < b.move.from.state.id ? -1 : a.move.from === b.move.from ? a.n - b.n : 1)
      )
    })
    .map(({ move }) => move)
}

/** Undefined while one more may be begun. */
export function budgetReason(view: FleetView, taken: number): Reason | undefined {
  const { maxConcurrentMoves, maxMovesPerHour } = view.policy
  if (view.inFlight + taken >= maxConcurrentMoves)
    return { code: 'budget-concurrent', text: `${maxConcurrentMoves} moves at once are allowed` }
  if (view.movesInLastHour + view.inFlight + taken >= maxMovesPerHour)
    return { code: 'budget-hour', text: `${maxMovesPerHour} moves an hour are allowed` }
  return undefined
}

export function planned(decision: Decision, moves: readonly DraftMove[]): PlannedMove[] {
  const { stay, chosen } = decision
  const together = moves.filter(move => move.why !== 'alone')
  const weight = sum(together.map(({ vm }) => vm.needMiB))
  const saved =
    stay && chosen && chosen !== stay
      ? {
          grams: Math.max(0, stay.cost.grams - chosen.cost.grams - chosen.later.grams),
          wh: Math.max(0, stay.cost.gridWh - chosen.cost.gridWh),
        }
      : { grams: 0, wh: 0 }
  const nowW = savedNowW(decision)
  const sure =
    stay && chosen && chosen !== stay
      ? confidence(stay.cost, chosen.cost, chosen.spent.grams + chosen.later.grams)
      : 0
  return moves.map(move => {
    const spent = spentOn(decision.fleet, [move])
    const share = move.why === 'alone' ? 0 : move.vm.needMiB / weight
    return {
      vm: move.vm.state.uuid,
      name: move.vm.state.name,
      from: move.from.state.id,
      to: move.to.state.id,
      fromSite: move.from.site.state.id,
      toSite: move.to.site.state.id,
      reason: reasonFor(decision, move, moves) + stillText(move.vm),
      gainW: move.gain ? move.gain.nowW : share * nowW,
      gainedWh: move.gain ? move.gain.gridWh : share * saved.wh,
      gainedGCO2eq: move.gain ? move.gain.grams : share * saved.grams,
      spentWh: spent.wh,
      spentGCO2eq: spent.grams,
      durationMs: move.vm.cost.durationMs,
      confidence: move.why === 'drain' ? 1 : move.gain ? move.gain.confidence : sure,
      measured: move.vm.cost.measured,
      mode: modeOf(move),
      wakes: !awake(move.to),
      ...(move.gain?.until !== undefined && { until: move.gain.until }),
      ...along(move, moves),
      ...(wayOf(move.vm.state) === 'regular' && { stillMs: stillMs(move.vm) }),
    }
  })
}

const stillText = (vm: VmWork): string =>
  wayOf(vm.state) === 'regular'
    ? `; it cannot move live (${vm.state.liveBlockers[0]}) and stands still for about ${seconds(stillMs(vm))} meanwhile`
    : ''

/** Mates of its groups that go where it goes. */
function along(move: DraftMove, moves: readonly DraftMove[]): Pick<PlannedMove, 'with'> {
  const names = move.vm.state.together
  if (names === undefined) return {}
  const mates = moves.filter(
    other =>
      other !== move &&
      other.to.site === move.to.site &&
      other.vm.state.together?.some(name => names.includes(name)) === true,
  )
  return mates.length > 0 ? { with: mates.map(mate => mate.vm.state.uuid) } : {}
}

/** By itself only where both sites are run so, and, if it pays only by a host that then sleeps, where that is, too. */
function modeOf({ from, to, why }: DraftMove): PlannedMove['mode'] {
  const own = (site: SiteWork): boolean => site.state.mode === 'auto'
  const sleep = (site: SiteWork): boolean => why !== 'empty' || site.state.standby === 'auto'
  const wake = awake(to) || to.site.state.standby === 'auto'
  return own(from.site) && own(to.site) && sleep(from.site) && wake ? 'auto' : 'recommend'
}

function savedNowW({ stay, chosen, look }: Decision): number {
  if (!stay || !chosen || chosen === stay || look.slots.length === 0) return 0
  return chosen.courses.reduce(
    (total, watts, n) => total + ((stay.courses[n] as number[])[0] as number) - (watts[0] as number),
    0,
  )
}

function reasonFor({ look, prices }: Decision, move: DraftMove, all: readonly DraftMove[]): string {
  const { from, to, vm, why } = move
  if (why === 'drain') return `${from.state.id} is drained; ${to.state.id} has room for ${vm.state.name}`
  const hours = Math.round(horizonHours(look))
  const at = ({ state }: SiteWork): string =>
    `${(prices.get(state.id) ?? 0).toFixed(0)} gCO2eq/kWh at ${state.id}`
  const costs =
    from.site === to.site
      ? ''
      : `; one more kWh costs ${at(to.site)}, ${at(from.site)} over the next ${hours} h`
  if (why === 'alone')
    return `${vm.state.powerW.toFixed(1)} W of ${vm.state.name} are greener at ${to.site.state.id}${costs}`
  const mates = all.filter(other => other.from === from && other.why === 'empty').length
  const wake = awake(to) ? '' : ', which is woken for it'
  return (
    `with ${mates} VM${mates === 1 ? '' : 's'} moved ${from.state.id} falls empty and may sleep ` +
    `(${from.model.idleW.toFixed(0)} W idle); ${to.state.id} has room${wake}${costs}`
  )
}
