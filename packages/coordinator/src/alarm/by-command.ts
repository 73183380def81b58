/** Tells an alarm to a program: the notice as JSON on its stdin, and exit code 0 means that it was taken. No shell. */
import { execFile } from 'node:child_process'
import { HeliotropeError, SECOND } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { Deliver } from './notice.js'

const DEADLINE_MS: Ms = 30 * SECOND

export function byCommand(
  [program, ...args]: readonly [string, ...string[]],
  deadlineMs = DEADLINE_MS,
): Deliver {
  return notice =>
    new Promise((resolve, reject) => {
      const options = { timeout: deadlineMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const
      const child = execFile(program, args, options, (error, _, stderr) => {
        if (!error) return resolve()
        const how = error.killed ? `did not end within ${deadlineMs / 1000} s` : (error.code ?? error.signal)
        const said = stderr.trim().split('\n').at(-1)?.slice(0, 200)
        reject(
          new HeliotropeError('exec-failed', `${program}: ${how}${said ? `: ${said}` : ''}`, {
            cause: error,
            remedy: 'check alarms.command in the config; it must read JSON from stdin and exit with 0',
          }),
        )
      })
      // A program that reads nothing closes its stdin; its exit code says what that means.
      child.stdin?.on('error', () => {})
      child.stdin?.end(`${JSON.stringify(notice)}\n`)
    })
}
