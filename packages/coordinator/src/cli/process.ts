/** The process as the commands of `heliotrope` see it. */
import { userInfo } from 'node:os'
import { nodeProblem, systemClock, systemRng } from '@heliotrope/shared'
import type { CommandSet } from './context.js'
import { runCli } from './program.js'

/** Runs the command line of this process, and ends it. @param more commands of other packages */
export async function runProcess(more: readonly CommandSet[] = []): Promise<never> {
  // Whatever is written holds secrets, or names those who do.
  process.umask(0o077)
  const problem = nodeProblem(process.versions.node)
  if (problem !== undefined) {
    process.stderr.write(`heliotrope: ${problem}\n`)
    return process.exit(1)
  }

  const terminated = new Promise<string>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal))
  })
  const context = {
    clock: systemClock(),
    rng: systemRng(),
    stdout: process.stdout,
    stderr: process.stderr,
    user: userName(),
    terminated,
  }
  process.exitCode = await runCli(process.argv.slice(2), context, more)
  // A signal handler keeps no process alive, but an answered command must not wait for one either.
  return process.exit()
}

/** A uid without a name (a container) still acts as somebody. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`
  }
}
