/** What staying costs, and what a course of hosts costs, on the plan's own forecast: whole hosts, all moves charged. */
import type { Fraction, W, Wh } from '@heliotrope/shared'
import type { Outlook } from '../need/outlook.js'
import { SCENARIO_WEIGHTS, weightsAt } from '../need/outlook.js'
import { restingW } from '../need/site-model.js'
import type { Fleet } from '../need/site-model.js'
import { moveEnds } from '../where/program.js'
import type { Trajectory } from '../where/trajectory.js'
import type { SiteUnits, Units } from '../where/units.js'

export interface Cost {
  grams: number
  gridWh: Wh
  /** Grams if all green power comes at its 10, 50 and 90 % quantile. */
  byScenario: number[]
}

/** Power of each site in each slot. */
export type Course = W[][]

/** Every VM where the view has it now, for all slots. */
export const standing = (fleet: Fleet, { slots }: Outlook): Course =>
  fleet.sites.map(model => Array<W>(slots.length).fill(restingW(model)))

/** As the trajectory goes from the second slot on; each begun host awake as a whole. */
export function course(units: Units, trajectory: Trajectory, now: readonly W[]): Course {
  return units.sites.map((site, n) =>
    (trajectory[n] as number[]).map((count, slot) => (slot === 0 ? (now[n] as W) : wholeW(site, count))),
  )
}

/** With the moves of later slots charged as the linear program charges them. */
export function laterMoves(units: Units, trajectory: Trajectory): { grams: number; wh: Wh } {
  let [grams, wh] = [0, 0]
  units.sites.forEach((site, n) => {
    const counts = trajectory[n] as number[]
    for (let slot = 1; slot < counts.length; slot++) {
      const change = (counts[slot] as number) - (counts[slot - 1] as number)
      const ends = moveEnds(units, site, slot, 1)
      grams += change > 0 ? change * ends.in : -change * ends.out
      wh += (Math.abs(change) * units.unitWh) / 2
    }
  })
  return { grams, wh }
}

export function costOf(fleet: Fleet, { slots }: Outlook, courses: Course): Cost {
  const expected = weightsAt(0.5)
  const cost: Cost = { grams: 0, gridWh: 0, byScenario: [0, 0, 0] }
  fleet.sites.forEach(({ outlook }, n) => {
    for (let slot = 0; slot < slots.length; slot++) {
      const watts = (courses[n] as W[])[slot] as W
      cost.grams += outlook.grams(slot, watts, expected)
      cost.gridWh += outlook.gridWh(slot, watts, expected)
      SCENARIO_WEIGHTS.forEach((weights, scenario) => {
        cost.byScenario[scenario] =
          (cost.byScenario[scenario] as number) + outlook.grams(slot, watts, weights)
      })
    }
  })
  return cost
}

/** The weight of those scenarios in which the plan is cheaper, its moves charged. */
export function confidence(stay: Cost, plan: Cost, spentGrams: number): Fraction {
  return weightsAt(0.5).reduce(
    (total, weight, n) =>
      total + ((plan.byScenario[n] as number) + spentGrams < (stay.byScenario[n] as number) ? weight : 0),
    0,
  )
}

/** Power with so many units there: hosts filled in the order of their segments, the last one awake as a whole. */
function wholeW({ model, segments, baseW }: SiteUnits, count: number): W {
  let [left, watts] = [count, baseW]
  for (const { width, idleW, unitW } of segments) {
    if (left <= 1e-6) break
    watts += model.site.pue * (idleW + unitW * Math.min(left, width))
    left -= width
  }
  return watts
}
