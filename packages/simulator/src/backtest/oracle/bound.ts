/**
 * Perfect foresight: the format's bound (fluid hosts), and what could at best be reached (whole hosts). It is a bound for a
 * fleet of one substance: real VMs differ in watts per vCPU, and who moves the busy ones first may pass it. With hosts that
 * stand by the room for that is small; without standby, where only the VMs' own watts can be moved, heliotrope passes it by
 * 1 to 1.5 % of the saving on both recorded scenarios, so `captured` may exceed 1 there.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { Fraction } from '@heliotrope/shared'
import type { Solver } from '@heliotrope/planner'
import type { Scenario } from '../scenario/scenario.js'
import { moveCost } from '../world/move-cost.js'
import { columnOf, fluidOf, windowProgram } from './window.js'

export interface Bound {
  gCO2eq: number
  gridWh: number
  usedWh: number
  /** How often the whole fleet moved. */
  fleetMoves: number
  moveWh: number
  downtimeS: number
}

export interface BoundOptions {
  standby: boolean
  wholeHosts: boolean
  /** Each window is solved over so many hours; the first `keepHours` of it are kept. */
  windowHours: number
  keepHours: number
  solver: Solver
  /** Told after each window; what it throws ends the search. */
  progress?: (share: Fraction) => void
}

/** As the format says: windows of 7 days and 2 of overlap, fluid. */
export const FLUID = { wholeHosts: false, windowHours: 9 * 24, keepHours: 7 * 24 }
/** As the format says: windows of 2 days and 1 of overlap, whole hosts. */
export const WHOLE = { wholeHosts: true, windowHours: 3 * 24, keepHours: 2 * 24 }

const DEADLINE_MS = 120_000

/** @throws HeliotropeError unavailable if the solver gives no answer */
export async function bound(scenario: Scenario, options: BoundOptions): Promise<Bound> {
  const { standby, wholeHosts, windowHours, keepHours, solver } = options
  const { sites, hours, historyHours, pue, host, vms, migration } = scenario
  const fluid = fluidOf(scenario)
  const restW = standby ? host.standbyW : host.idleW
  const sum: Bound = { gCO2eq: 0, gridWh: 0, usedWh: 0, fleetMoves: 0, moveWh: 0, downtimeS: 0 }
  let shares: number[] = fluid.start
  for (let from = 0; from < hours;) {
    const to = Math.min(hours, from + windowHours)
    const program = windowProgram(scenario, fluid, { standby, wholeHosts, from, to, shares })
    const solution = await solver.solve(program, DEADLINE_MS)
    if (solution.status !== 'optimal')
      throw new HeliotropeError('unavailable', `no bound for hours ${from} to ${to}: ${solution.text}`)
    const { values } = solution
    const kept = to === hours ? to : from + keepHours
    const value = (kind: 'share' | 'grid' | 'out', hour: number, site: number, add = 0): number =>
      values[columnOf(kind, hour - from, sites.length, site) + add]!
    for (let hour = from; hour < kept; hour++)
      sites.forEach(({ series, hosts }, site) => {
        const gramsPerWh = series.gridGPerKWh[historyHours + hour]! / 1000
        const [share, gridWh] = [value('share', hour, site), value('grid', hour, site)]
        const [out, come, used] = [0, 1, 2].map(add => value('out', hour, site, add)) as [
          number,
          number,
          number,
        ]
        const wanWh = ((out + come) * fluid.moveWanWh) / 2
        const moveHostWh = (out + come) * fluid.moveHostWh
        sum.gCO2eq += gramsPerWh * (gridWh + wanWh)
        sum.gridWh += gridWh + wanWh
        sum.usedWh +=
          pue * (restW * hosts + (host.idleW - restW) * used + fluid.busyW[hour]! * share) +
          moveHostWh +
          wanWh
        sum.fleetMoves += out
        sum.moveWh += moveHostWh / pue + wanWh
      })
    const last = sites.map((_, site) => Math.max(0, value('share', kept - 1, site)))
    const total = last.reduce((a, b) => a + b, 0)
    shares = last.map(share => share / total)
    from = kept
    options.progress?.(from / hours)
  }
  sum.downtimeS = sum.fleetMoves * vms.reduce((all, vm) => all + moveCost(vm, migration, false).downtimeS, 0)
  return sum
}
