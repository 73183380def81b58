/** One way to decide the first slot: its moves, and what it all costs on the plan's own forecast. */
import type { Wh } from '@heliotrope/shared'
import type { HostWork } from '../need/fleet-view.js'
import { shift } from '../need/fleet-view.js'
import type { Outlook } from '../need/outlook.js'
import { awake, restingW } from '../need/site-model.js'
import type { Fleet, HostModel } from '../need/site-model.js'
import { costOf, course, laterMoves, standing } from '../score/evaluate.js'
import type { Cost, Course } from '../score/evaluate.js'
import type { Trajectory } from '../where/trajectory.js'
import type { Units } from '../where/units.js'
import { Draft } from './draft.js'
import type { DraftMove } from './draft.js'
import { emptyHosts } from './empty-hosts.js'

export interface Candidate {
  units: Units
  trajectory: Trajectory | undefined
  draft: Draft
  /** What `spent` counts; the draft may grow. */
  elected: readonly DraftMove[]
  kept: Set<HostModel>
  courses: Course
  /** Without moves. */
  cost: Cost
  /** Moves of the first slot. */
  spent: { grams: number; wh: Wh }
  /** Moves of later slots. */
  later: { grams: number; wh: Wh }
  /** All of it. */
  total: number
}

const LEAST_INTENSITY = 1

/** Leaves the fleet as it was; `take` applies what was chosen. */
export function candidate(
  fleet: Fleet,
  look: Outlook,
  units: Units,
  wanted: readonly number[],
  trajectory: Trajectory | undefined,
): Candidate {
  const draft = new Draft()
  const kept = emptyHosts(fleet, units, wanted, draft)
  const now = fleet.sites.map(restingW)
  const spent = spentOn(fleet, draft.moves)
  const still = standing(fleet, look)
  let best = { courses: still, cost: costOf(fleet, look, still), later: { grams: 0, wh: 0 }, goesOn: false }
  if (trajectory && asWanted(fleet, units, wanted)) {
    const courses = course(units, trajectory, now)
    const cost = costOf(fleet, look, courses)
    const later = laterMoves(units, trajectory)
    if (cost.grams + later.grams < best.cost.grams) best = { courses, cost, later, goesOn: true }
  }
  const { courses, cost, later, goesOn } = best
  const moves = [...draft.moves]
  draft.undo(() => true)
  draft.moves.push(...moves)
  return {
    units,
    trajectory: goesOn ? trajectory : undefined,
    draft,
    elected: moves,
    kept,
    courses,
    cost,
    spent,
    later,
    total: cost.grams + spent.grams + later.grams,
  }
}

export function take({ draft }: Candidate): void {
  for (const { vm, to } of draft.moves) shift(vm, to)
}

/** Energy of moves on both hosts and the network, and of hosts that wake for them and idle until they are filled. */
export function spentOn(fleet: Fleet, moves: readonly DraftMove[]): { grams: number; wh: Wh } {
  let [grams, wh] = [0, 0]
  const filling = new Map<HostWork, number>()
  const intensityOf = (host: HostWork): number =>
    Math.max(
      LEAST_INTENSITY,
      fleet.hosts.get(host)?.site.outlook.intensity(0) ?? host.site.state.gridIntensity,
    )
  for (const { vm, from, to } of moves) {
    const own = vm.cost.hostsWh + (from.site === to.site ? 0 : vm.cost.wanWh)
    wh += own
    grams += (own * (intensityOf(from) + intensityOf(to))) / 2000
    if (!awake(to)) filling.set(to, (filling.get(to) ?? to.model.wakeMs) + vm.cost.durationMs)
  }
  for (const [host, ms] of filling) {
    const own = (host.site.pue * (host.model.idleW - host.model.standbyW) * ms) / 3_600_000
    wh += own
    grams += (own * intensityOf(host)) / 1000
  }
  return { grams, wh }
}

/** Whether the election came out at no more hosts anywhere than the first stage reckoned with. */
function asWanted(fleet: Fleet, units: Units, wanted: readonly number[]): boolean {
  return fleet.sites.every((model, n) => {
    let [room, target] = [0, wanted[n] as number]
    const used = model.hosts.filter(host => host.sleepable && host.host.vms.size > 0)
    for (const host of model.hosts) if (!host.sleepable) target -= units.capacityOf(host)
    for (const host of used) room += units.capacityOf(host)
    // The last host may be begun.
    const last = Math.max(0, ...used.map(units.capacityOf))
    return used.length === 0 || room - last < Math.max(0, target) - 1e-6
  })
}
