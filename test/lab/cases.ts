// Which cases of a suite are played, and what they came to: pure, so that it can be tested without a lab.
import { LabUsage } from './errors.js'

/** What a case came to: its figures, and why it failed if it did. */
export type Outcome = Record<string, unknown> & { failed?: string }

/** One line of the record of a suite. */
export interface Ended {
  case: string
  outcome: Outcome
}

/** The cases of a run: those that were recorded before it, and those that it played. */
export interface Sum {
  cases: number
  passed: number
  /** why, by case */
  failed: Record<string, string>
  /** how many of them were taken from the record */
  fromRecord: number
  /** chosen, and neither recorded nor played */
  left: string[]
}

/**
 * The cases that `--only` names, in the suite's order. A text is the name of a case or a part of names; several are separated
 * by commas, which names may have, too.
 *
 * @throws LabUsage for a text that is in no name, with the names that are known, and if there is none at all
 */
export function chooseCases(known: readonly string[], only?: string): string[] {
  // To play nothing would pass.
  if (known.length === 0) throw new LabUsage('with these options the suite has no case')
  if (only === undefined) return [...known]
  const named = (text: string): string[] =>
    known.includes(text) ? [text] : known.filter(name => text !== '' && name.includes(text))
  const texts = named(only).length > 0 ? [only] : only.split(',').map(text => text.trim())
  const chosen = new Set<string>()
  for (const text of texts) {
    if (named(text).length === 0) throw new LabUsage(`no case '${text}'; known:\n  ${known.join('\n  ')}`)
    for (const name of named(text)) chosen.add(name)
  }
  return known.filter(name => chosen.has(name))
}

/**
 * The outcomes in the text of a record, the last of each case. A line that is not whole was being written when its writer was
 * killed: that case has not ended.
 */
export function foldRecord(text: string): Map<string, Outcome> {
  const outcomes = new Map<string, Outcome>()
  for (const line of text.split('\n')) {
    const ended = parse(line)
    if (ended) outcomes.set(ended.case, ended.outcome)
  }
  return outcomes
}

/** @param recordedBefore the cases that this run did not play */
export function sumUp(
  chosen: readonly string[],
  outcomes: ReadonlyMap<string, Outcome>,
  recordedBefore: ReadonlySet<string>,
): Sum {
  const ended = chosen.filter(name => outcomes.has(name))
  const failed = ended.flatMap(name => {
    const why = outcomes.get(name)?.failed
    return why === undefined ? [] : [[name, why] as const]
  })
  return {
    cases: chosen.length,
    passed: ended.length - failed.length,
    failed: Object.fromEntries(failed),
    fromRecord: ended.filter(name => recordedBefore.has(name)).length,
    left: chosen.filter(name => !outcomes.has(name)),
  }
}

function parse(line: string): Ended | undefined {
  try {
    const value = JSON.parse(line) as Partial<Ended> | null
    const whole = typeof value?.case === 'string' && typeof value.outcome === 'object' && value.outcome
    return whole ? (value as Ended) : undefined
  } catch {
    return undefined
  }
}
