import { LabError } from '../errors.js'
import { faultCases } from '../faults/cases.js'
import { nothing, Stage } from '../faults/stage.js'
import type { Count } from '../faults/stage.js'
import type { Lab } from '../lab.js'
import { say } from '../say.js'
import type { SuiteOptions } from '../suite.js'

/**
 * A fault strikes a move at a record of its journal, and heals: exactly one VM runs, with its uuid, mac and config, has
 * lost no write, and nothing is left over. For each case both hosts come back from a snapshot in which their agents have
 * joined.
 *
 * Options: --only TEXT[,TEXT] cases with one of the TEXTs in their name, --short the third that a second release of Xen is
 * shown.
 */
export async function run(lab: Lab, options: SuiteOptions): Promise<Record<string, unknown>> {
  const only = (options['only'] ?? '').split(',')
  const cases = faultCases.filter(
    one => only.some(text => one.name.includes(text)) && (!options['short'] || one.short),
  )
  const outcomes: Record<string, string> = {}
  const failed: Record<string, string> = {}
  const total = { ...nothing }
  const plane = await Stage.prepare(lab)
  for (const [index, one] of cases.entries()) {
    const begun = Date.now()
    say(`case ${index + 1} of ${cases.length}: ${one.name}`)
    let stage: Stage | undefined
    try {
      stage = await Stage.set(lab, plane)
      const setMs = Date.now() - begun
      outcomes[one.name] = await stage.play(one)
      say(
        `${one.name}: ${outcomes[one.name]} (set up in ${seconds(setMs)}, in all ${seconds(Date.now() - begun)})`,
      )
    } catch (error) {
      failed[one.name] = error instanceof Error ? error.message : String(error)
      say(`FAILED ${one.name}: ${failed[one.name]}\n${(await stage?.story()) ?? ''}`)
    }
    const count = (await stage?.count()) ?? nothing
    for (const key of Object.keys(total) as (keyof Count)[]) total[key] += count[key]
    if (Object.values(count).some(n => n > 0)) failed[one.name] ??= `counted ${JSON.stringify(count)}`
  }
  await plane.down()
  const result = { cases: cases.length, ...total, outcomes, failed }
  if (Object.keys(failed).length > 0) throw new LabError(JSON.stringify(result))
  return result
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
