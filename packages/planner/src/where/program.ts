/**
 * The first stage as a linear program: how many units at which site in which slot. Every unit is somewhere in every
 * slot and may change its site between two of them, through one hub a slot, since the cost of a move falls to halves on
 * its ends. That is a flow in a network, and what a site's units cost is convex and bends only at whole hosts: so
 * where hosts are alike the best flow is whole by itself, and no integer program is needed.
 */
import type { LinearProgram, Row } from '../solver/port.js'
import type { Outlook, Weights } from '../need/outlook.js'
import { weightsAt } from '../need/outlook.js'
import type { Policy } from '../types.js'
import { wattsPerUnit } from './units.js'
import type { SiteUnits, Units } from './units.js'

export interface Program {
  program: LinearProgram
  /** For each site and slot, the columns that add up to its units. */
  columns: number[][][]
}

/** Slopes nearer than this are one column. */
const SAME_G = 1e-9
/** An intensity of nothing would make moves free, and the plan restless. gCO2eq/kWh. */
const LEAST_INTENSITY = 1

export function whereAndWhen(units: Units, { slots }: Outlook, policy: Policy): Program {
  const draft = new Draft()
  const wary = weightsAt(policy.quantile)
  const expected = weightsAt(0.5)
  const columns = units.sites.map(site =>
    slots.map((_, slot) =>
      stepsOf(site, slot, expected, wary).map(({ width, cost }) => draft.column(cost, width)),
    ),
  )
  const kept: number[] = []
  units.sites.forEach((site, n) => {
    const ends = moveEnds(units, site, 0, 1 + policy.marginShare)
    const here: number[] = []
    // A unit that is partly there needs only the rest of it carried in; one that is not kept is carried out.
    for (const { width, covered } of grouped(site.covered))
      here.push(draft.column(ends.in * (1 - covered) - ends.out * covered, width))
    here.push(draft.column(ends.in, arrivals(units, site, slots[0]?.hours ?? 1)))
    kept.push(...here)
    draft.balance([
      ...(columns[n]?.[0] ?? []).map(one => [one, 1] as const),
      ...here.map(one => [one, -1] as const),
    ])
  })
  draft.row(
    units.total,
    units.total,
    kept.map(column => [column, 1]),
  )
  for (let slot = 1; slot < slots.length; slot++) {
    const hub: [number, number][] = []
    units.sites.forEach((site, n) => {
      const ends = moveEnds(units, site, slot, 1 + policy.marginShare)
      const comes = draft.column(ends.in, arrivals(units, site, slots[slot - 1]?.hours ?? 1))
      const goes = draft.column(ends.out, Infinity)
      hub.push([comes, 1], [goes, -1])
      const [now, before] = [columns[n]?.[slot] ?? [], columns[n]?.[slot - 1] ?? []]
      draft.balance([
        ...before.map(one => [one, -1] as const),
        ...now.map(one => [one, 1] as const),
        [comes, -1],
        [goes, 1],
      ])
    })
    draft.balance(hub)
  }
  return { program: draft.program(), columns }
}

interface Step {
  width: number
  /** gCO2eq for each unit. */
  cost: number
}

/** What one more unit costs at a site in a slot, cheapest first; equal neighbours as one. */
function stepsOf(
  { model, segments, covered, baseW }: SiteUnits,
  slot: number,
  expected: Weights,
  wary: Weights,
): Step[] {
  const { outlook, site } = model
  const steps: Step[] = []
  let [units, watts] = [0, baseW]
  const there = covered.length
  let grams = { expected: outlook.grams(slot, watts, expected), wary: outlook.grams(slot, watts, wary) }
  for (const segment of segments) {
    const { width } = segment
    watts += site.pue * width * wattsPerUnit(segment)
    const after = { expected: outlook.grams(slot, watts, expected), wary: outlook.grams(slot, watts, wary) }
    // Where a unit is not yet, gains are reckoned with warily; a dearer step never comes before a cheaper one.
    const which = units < there ? 'expected' : 'wary'
    const cost = Math.max((after[which] - grams[which]) / width, steps.at(-1)?.cost ?? 0)
    const last = steps.at(-1)
    if (last && Math.abs(last.cost - cost) <= SAME_G) last.width += width
    else steps.push({ width, cost })
    units += width
    grams = after
  }
  return steps
}

/**
 * gCO2eq of one unit's leaving and arriving; arriving, a host is woken and idles until it is filled.
 * @param charge how often the cost is counted
 */
export function moveEnds(
  units: Units,
  { model, segments }: SiteUnits,
  slot: number,
  charge: number,
): { in: number; out: number } {
  const intensity = Math.max(LEAST_INTENSITY, model.outlook.intensity(slot))
  const half = ((units.unitWh / 2) * intensity) / 1000
  const sleeper = model.hosts.find(host => host.sleepable && host.target)
  const wakes = sleeper && segments.length > 0 ? sleeper.host.model : undefined
  const wakeWh = wakes
    ? (model.site.pue * (wakes.idleW - wakes.standbyW) * (wakes.wakeMs + units.unitMs)) / 3_600_000
    : 0
  return { in: (half + (wakeWh * intensity) / 1000) * charge, out: half * charge }
}

/** How many units a site's hosts can take in so many hours, one move at a time on each. */
const arrivals = (units: Units, site: SiteUnits, hours: number): number =>
  Math.max(1, Math.floor((site.model.hosts.length * hours * 3_600_000) / Math.max(1, units.unitMs)))

function grouped(covered: readonly number[]): { width: number; covered: number }[] {
  const full = covered.filter(part => part === 1).length
  return [
    ...(full > 0 ? [{ width: full, covered: 1 }] : []),
    ...covered.filter(part => part < 1).map(part => ({ width: 1, covered: part })),
  ]
}

/** Columns and rows as they come. */
class Draft {
  readonly #cost: number[] = []
  readonly #upper: number[] = []
  readonly #rows: Row[] = []

  column(cost: number, upper: number): number {
    this.#upper.push(upper)
    return this.#cost.push(cost) - 1
  }

  row(lower: number, upper: number, entries: readonly (readonly [number, number])[]): void {
    const sorted = [...entries].sort((a, b) => a[0] - b[0])
    this.#rows.push({
      lower,
      upper,
      columns: sorted.map(entry => entry[0]),
      coefficients: sorted.map(entry => entry[1]),
    })
  }

  balance(entries: readonly (readonly [number, number])[]): void {
    this.row(0, 0, entries)
  }

  program(): LinearProgram {
    return { cost: this.#cost, lower: this.#cost.map(() => 0), upper: this.#upper, rows: this.#rows }
  }
}
