/** Looks for what a move has started on this host, whoever started it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { MoveId, MoveRole } from '@heliotrope/shared'
import { MOVE_VARIABLE, moveMark } from './spawn.js'

/** A program, or the script that an interpreter runs. */
const isXl = (name: string | undefined): boolean =>
  /(?:^|\/)(?:xl|libxl-save-helper)(?:\.[cm]?js)?$/.test(name ?? '')

/**
 * True if no xl and no save helper of the move lives here. Does not count the shell of the rune, and not the monitor that
 * `xl migrate-receive` leaves behind for the new domain: it has /dev/null as stdin (libxl_utils/xl_utils.c do_daemonize).
 * @param proc where procfs is, `/proc`
 */
export function xlOfMoveGone(proc: string, move: MoveId, role: MoveRole): boolean {
  return xlOfMove(proc, move, role).length === 0
}

/** The pids that `xlOfMoveGone` waits for. */
export function xlOfMove(proc: string, move: MoveId, role: MoveRole): number[] {
  const mark = `${MOVE_VARIABLE}=${moveMark(move, role)}`
  return readdirSync(proc)
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      // A process that ends while we look is gone; one of another user cannot be ours.
      const environment = words(`${proc}/${pid}/environ`)
      if (!environment.includes(mark)) return false
      const [program, script] = words(`${proc}/${pid}/cmdline`)
      return (isXl(program) || isXl(script)) && !isMonitor(`${proc}/${pid}/fd/0`)
    })
    .map(Number)
}

/** What of xl may leave a domain suspended for a while. */
const suspends = new Set(['save', 'suspend', 'migrate', 'resume'])

/**
 * True while an xl that suspends, saves, migrates or resumes lives on this host, or a save helper, whoever started it.
 * @param proc where procfs is, `/proc`
 */
export function xlAtWork(proc: string): boolean {
  return readdirSync(proc)
    .filter(name => /^\d+$/.test(name))
    .some(pid => {
      const argv = words(`${proc}/${pid}/cmdline`)
      if (/(?:^|\/)libxl-save-helper$/.test(argv[0] ?? '')) return true
      const at = isXl(argv[0]) ? 0 : isXl(argv[1]) ? 1 : -1
      return at >= 0 && argv.slice(at + 1).some(word => suspends.has(word))
    })
}

/** True while an xl lives here that has this word on its command line, and is not the monitor that it leaves behind. */
export function xlWith(proc: string, word: string): boolean {
  return readdirSync(proc)
    .filter(name => /^\d+$/.test(name))
    .some(pid => {
      const argv = words(`${proc}/${pid}/cmdline`)
      return (isXl(argv[0]) || isXl(argv[1])) && argv.includes(word) && !isMonitor(`${proc}/${pid}/fd/0`)
    })
}

function words(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').split('\0')
  } catch {
    return []
  }
}

function isMonitor(stdin: string): boolean {
  try {
    return readlinkSync(stdin) === '/dev/null'
  } catch {
    return false
  }
}
