import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Outcome } from './cases.js'
import { LabUsage } from './errors.js'
import type { Lab } from './lab.js'
import type { Sitting } from './sitting.js'

/** What stood on the command line after the suite's name: `--rounds 5` is {rounds: '5'}, `--json` {json: 'true'}. */
export type SuiteOptions = Record<string, string>

/** @throws LabUsage for an option of suites that is no positive number: with it a suite might do nothing, and pass */
export function checkNumbers(options: SuiteOptions): void {
  for (const name of ['memory', 'rounds', 'limit']) {
    const value = options[name]
    if (value !== undefined && !(Number(value) > 0))
      throw new LabUsage(`--${name} ${value}: give a number above 0`)
  }
}

interface AnySuite {
  /** The releases of Debian it is about, if it is; `--debian` says otherwise. */
  debian?: string
}

/** A file of suites/ that is one case: it gets the lab freshly reset, throws if what it shows does not hold, else returns its figures. */
export interface SingleSuite extends AnySuite {
  run(lab: Lab, options: SuiteOptions): Promise<object>
}

/** A file of suites/ with several cases, each of which stands for itself. */
export interface ManySuite extends AnySuite {
  /** Their names, in the order in which they are played. */
  cases(options: SuiteOptions): readonly string[]
  /** Gets the lab freshly reset, and plays what is left in the sitting. */
  run(lab: Lab, options: SuiteOptions, sitting: Sitting): Promise<void>
  /** The figures of all its cases, those of earlier runs included. @throws LabError if they do not hold together */
  sum?(outcomes: readonly Outcome[], options: SuiteOptions): object
}

export type Suite = SingleSuite | ManySuite

/** A suite of one case has one that is named as itself. */
export const casesOf = (name: string, suite: Suite, options: SuiteOptions): readonly string[] =>
  'cases' in suite ? suite.cases(options) : [name]

/** Plays what is left of a suite. */
export async function playSuite(
  name: string,
  suite: Suite,
  lab: Lab,
  options: SuiteOptions,
  sitting: Sitting,
): Promise<void> {
  if ('cases' in suite) await suite.run(lab, options, sitting)
  else await sitting.play(name, async () => ({ ...(await suite.run(lab, options)) }))
}

/** What a suite came to, in its own words: of a single case its figures, of several each one's. */
export function figuresOf(
  suite: Suite,
  outcomes: ReadonlyMap<string, Outcome>,
  options: SuiteOptions,
): object {
  if (!('cases' in suite)) return Object.assign({}, ...outcomes.values()) as object
  return { ...suite.sum?.([...outcomes.values()], options), outcomes: Object.fromEntries(outcomes) }
}

const folder = fileURLToPath(new URL('suites/', import.meta.url))

/** @throws LabUsage with the names that are known */
export async function loadSuite(name: string): Promise<Suite> {
  const known = existsSync(folder)
    ? readdirSync(folder)
        .filter(file => file.endsWith('.js'))
        .map(file => file.slice(0, -3))
        .sort()
    : []
  if (!known.includes(name)) throw new LabUsage(`no suite ${name}; known: ${known.join(', ')}`)
  return (await import(new URL(`suites/${name}.js`, import.meta.url).href)) as Suite
}
