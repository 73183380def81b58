/** How the two xl processes of a move are started and named. */
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import type { Clock, MoveId, MoveRole, Ms } from '@heliotrope/shared'

/** node:child_process `spawn`, given in so that tests can start a stand-in. */
export type Spawn = (command: string, argv: readonly string[], options: SpawnOptions) => ChildProcess

/** In the environment of each xl of a move and of all its children: how they are found after a mover died. */
export const MOVE_VARIABLE = 'HELIOTROPE_MOVE'
export const moveMark = (move: MoveId, role: MoveRole): string => `${move}/${role}`

export interface XlProgram {
  spawn: Spawn
  /** argv of xl: `['xl']`; tests and the benchmark put a stand-in here. */
  xl: readonly [string, ...string[]]
  /** Environment of xl; the mark of the move is added. */
  env: Record<string, string | undefined>
}

export function spawnXl(
  program: XlProgram,
  args: readonly string[],
  move: MoveId,
  role: MoveRole,
  stdio: SpawnOptions['stdio'],
): ChildProcess {
  const [command, ...before] = program.xl
  const env = { ...program.env, [MOVE_VARIABLE]: moveMark(move, role) }
  return program.spawn(command, [...before, ...args], { env, stdio })
}

/** What xl said last may still be in its pipes when it has exited; its children may hold them open. */
export const LAST_WORDS_MS: Ms = 300

/** Calls back once when the child has exited and its last words have been read, as far as they come soon. */
export function whenEnded(child: ChildProcess, clock: Clock, ended: (how: string) => void): void {
  let done = false
  const once = (how: string): void => {
    if (done) return
    done = true
    ended(how)
  }
  child.on('exit', (code, signal) => {
    const how = String(code ?? signal)
    const cancel = clock.after(LAST_WORDS_MS, () => once(how))
    child.once('close', () => {
      cancel()
      once(how)
    })
  })
}

/** The last lines that xl said, for error texts. */
export class LastLines {
  readonly #lines: string[] = []
  #rest = ''
  readonly #said: (line: string) => void

  constructor(said: (line: string) => void) {
    this.#said = said
  }

  add(text: string): void {
    const lines = (this.#rest + text).split(/[\r\n]+/)
    this.#rest = (lines.pop() ?? '').slice(-1000)
    for (const line of lines) {
      if (line.trim() === '') continue
      this.#lines.push(line.slice(0, 300))
      if (this.#lines.length > 10) this.#lines.shift()
      this.#said(line.slice(0, 300))
    }
  }

  /** On one line; empty if nothing was said. */
  get text(): string {
    const lines = this.#rest.trim() === '' ? this.#lines : [...this.#lines, this.#rest.trim()]
    return lines.slice(-4).join(' | ')
  }
}
