import type { Outcome } from '../cases.js'
import { describe } from '../errors.js'
import type { FaultCase } from '../faults/cases.js'
import { faultCases } from '../faults/cases.js'
import { nothing, Stage } from '../faults/stage.js'
import type { Count } from '../faults/stage.js'
import type { ControlPlane } from '../control-plane.js'
import type { Lab } from '../lab.js'
import { say } from '../say.js'
import type { Sitting } from '../sitting.js'
import type { SuiteOptions } from '../suite.js'

/** The options: --short the third that a second release of Xen is shown. */
export const cases = (options: SuiteOptions): string[] =>
  faultCases.filter(one => !options['short'] || one.short).map(one => one.name)

/**
 * A fault strikes a move at a record of its journal, and heals: exactly one VM runs, with its uuid, mac and config, has
 * lost no write, and nothing is left over. For each case both hosts come back from a snapshot in which their agents have
 * joined.
 */
export async function run(lab: Lab, _options: SuiteOptions, sitting: Sitting): Promise<void> {
  const plane = await Stage.prepare(lab)
  for (const one of faultCases) await sitting.play(one.name, () => play(lab, plane, one))
  await plane.down()
}

/** How often a VM was doubled or lost, writes lost and something left over, in all cases. */
export function sum(outcomes: readonly Outcome[]): Count {
  const total = { ...nothing }
  for (const outcome of outcomes)
    for (const key of Object.keys(total) as (keyof Count)[]) total[key] += Number(outcome[key] ?? 0)
  return total
}

async function play(lab: Lab, plane: ControlPlane, one: FaultCase): Promise<Outcome> {
  const begun = Date.now()
  let stage: Stage | undefined
  let outcome: Outcome
  try {
    stage = await Stage.set(lab, plane)
    say(`set up in ${Math.round((Date.now() - begun) / 1000)} s`)
    outcome = { ended: await stage.play(one) }
  } catch (error) {
    outcome = { failed: describe(error) }
    say(`${outcome.failed}\n${(await stage?.story()) ?? ''}`)
  }
  const count = (await stage?.count()) ?? nothing
  if (Object.values(count).some(n => n > 0)) outcome.failed ??= `counted ${JSON.stringify(count)}`
  return { ...outcome, ...count }
}
