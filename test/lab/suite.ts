import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { LabUsage } from './errors.js'
import type { Lab } from './lab.js'

/** What stood on the command line after the suite's name: `--rounds 5` is {rounds: '5'}, `--json` {json: 'true'}. */
export type SuiteOptions = Record<string, string>

/** A file of suites/: it gets the lab freshly reset, throws if what it shows does not hold, else returns its figures. */
export interface Suite {
  /** The releases of Debian it is about, if it is; `--debian` says otherwise. */
  debian?: string
  run(lab: Lab, options: SuiteOptions): Promise<object>
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
