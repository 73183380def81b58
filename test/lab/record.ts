import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Ended, Outcome } from './cases.js'
import { foldRecord } from './cases.js'

/** Records of other builds stay for whoever goes back to one; they are small. */
const kept = 50

/** What has ended of one suite, of one build with one set of options: a file to which each case is added as it ends. */
export class CaseRecord {
  constructor(readonly file: string) {}

  read(): Map<string, Outcome> {
    return foldRecord(existsSync(this.file) ? readFileSync(this.file, 'utf8') : '')
  }

  /** On the disk when this returns: the next thing to happen may be the end of this process. */
  add(ended: Ended): void {
    mkdirSync(dirname(this.file), { recursive: true })
    const fd = openSync(this.file, 'a')
    try {
      // Begins a line of its own even behind one that was cut short.
      writeSync(fd, `\n${JSON.stringify(ended)}\n`)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  /** Forgets these cases: they are to be played anew. */
  forget(cases: readonly string[]): void {
    const rest = [...this.read()].filter(([name]) => !cases.includes(name))
    if (!existsSync(this.file)) return
    writeFileSync(
      this.file,
      rest.map(([name, outcome]) => `${JSON.stringify({ case: name, outcome })}\n`).join(''),
    )
  }

  /** Removes all but the newest records of its folder. */
  prune(): void {
    const folder = dirname(this.file)
    if (!existsSync(folder)) return
    const old = readdirSync(folder)
      .map(name => ({ path: join(folder, name), at: statSync(join(folder, name)).mtimeMs }))
      .sort((a, b) => b.at - a.at)
      .slice(kept)
    for (const { path } of old) rmSync(path, { force: true })
  }
}
