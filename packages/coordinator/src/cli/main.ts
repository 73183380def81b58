/** Entry of `heliotrope`: hands the process to the commands. */
import { userInfo } from 'node:os'
import { systemClock, systemRng } from '@heliotrope/shared'
import { runCli } from './program.js'

// Whatever is written holds secrets, or names those who do.
process.umask(0o077)

const terminated = new Promise<string>(resolve => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal))
})

/** A uid without a name (a container) still acts as somebody. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`
  }
}

process.exitCode = await runCli(process.argv.slice(2), {
  clock: systemClock(),
  rng: systemRng(),
  stdout: process.stdout,
  stderr: process.stderr,
  user: userName(),
  terminated,
})
// A signal handler keeps no process alive, but an answered command must not wait for one either.
process.exit()
