import { existsSync, readFileSync } from 'node:fs'

/** One line of the list of checks that may be skipped. */
export interface AllowedSkip {
  /** As the runner names it. */
  check: string
  reason: string
  /** On which machine: `not root`, `no PATH` (that file is not there), or `node MAJOR`. */
  machine: string
}

/** What is asked of a machine. */
export interface Machine {
  uid: number
  nodeMajor: number
  exists: (path: string) => boolean
}

export const thisMachine = (): Machine => ({
  uid: process.getuid?.() ?? -1,
  nodeMajor: Number(process.versions.node.split('.')[0]),
  exists: existsSync,
})

/** @throws Error if the file is no such list */
export function readAllowed(file: string): AllowedSkip[] {
  const list = JSON.parse(readFileSync(file, 'utf8')) as AllowedSkip[]
  for (const entry of list) {
    for (const field of ['check', 'reason', 'machine'] as const)
      if (typeof entry[field] !== 'string' || entry[field] === '')
        throw new Error(`${file}: an entry without ${field}: ${JSON.stringify(entry)}`)
    parse(entry.machine)
  }
  return list
}

/** @returns why this check may not be skipped on this machine, or undefined if it may */
export function objection(list: readonly AllowedSkip[], check: string, machine: Machine): string | undefined {
  const entries = list.filter(entry => entry.check === check)
  if (entries.length === 0) return 'it is not in the list of checks that may be skipped'
  if (entries.some(entry => parse(entry.machine)(machine))) return undefined
  return `it may be skipped only on a machine with: ${entries.map(entry => entry.machine).join('; ')}`
}

/** @throws Error for words that are none of the three */
function parse(words: string): (machine: Machine) => boolean {
  if (words === 'not root') return machine => machine.uid !== 0
  const path = /^no (\/\S+)$/.exec(words)?.[1]
  if (path !== undefined) return machine => !machine.exists(path)
  const major = /^node (\d+)$/.exec(words)?.[1]
  if (major !== undefined) return machine => machine.nodeMajor === Number(major)
  throw new Error(`machine '${words}': say 'not root', 'no /PATH' or 'node MAJOR'`)
}
