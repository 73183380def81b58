/**
 * Runs programs without a shell: `systemExec` to the end with a deadline and bounded output, `systemFollow` for one
 * that goes on and speaks in lines.
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import type { Clock } from './clock.js'
import { HeliotropeError } from './errors.js'
import type { Bytes, Ms } from './units.js'

/** Runs a program without a shell. A non-zero exit is a result, not an error. */
export interface Exec {
  (
    argv: readonly [string, ...string[]],
    options?: { timeoutMs?: Ms; input?: string; maxOutput?: Bytes; env?: Record<string, string> },
  ): Promise<{ code: number; stdout: string; stderr: string }>
}

/** `spawn` of node:child_process, or a stand-in. */
export type Spawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess

export interface ExecOptions {
  spawn: Spawn
  clock: Clock
  /** What every child gets; PATH at least. Texts are always asked for in English (LC_ALL=C). */
  env: Record<string, string>
  /** Default 30 s. */
  timeoutMs?: Ms
  /** From SIGTERM to SIGKILL; default 5 s. */
  graceMs?: Ms
  /** Of stdout and stderr each; default 8 MiB. */
  maxOutput?: Bytes
}

/**
 * The real Exec. At the deadline the child gets SIGTERM, after the grace SIGKILL; so nothing that must not be killed
 * half-way (a migration) may be run by it.
 */
export function systemExec(defaults: ExecOptions): Exec {
  const { spawn, clock, graceMs = 5_000 } = defaults
  return (argv, options = {}) =>
    new Promise((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? defaults.timeoutMs ?? 30_000
      const maxOutput = options.maxOutput ?? defaults.maxOutput ?? 8 * 1024 * 1024
      const [command, ...args] = argv
      const child = spawn(command, args, {
        stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
        env: { ...defaults.env, LC_ALL: 'C', ...options.env },
      })
      const out = collector(maxOutput)
      const err = collector(maxOutput)
      let failure: HeliotropeError | undefined
      let cancelKill = (): void => {}
      const give = (error: HeliotropeError): void => {
        if (failure) return
        failure = error
        child.kill('SIGTERM')
        cancelKill = clock.after(graceMs, () => child.kill('SIGKILL'))
      }
      const cancelTimeout = clock.after(timeoutMs, () =>
        give(new HeliotropeError('timeout', `${argv.join(' ')} did not end within ${timeoutMs} ms`)),
      )
      const done = (): void => {
        cancelTimeout()
        cancelKill()
      }
      for (const [stream, into] of [
        [child.stdout, out],
        [child.stderr, err],
      ] as const)
        stream?.on('data', (chunk: Buffer) => {
          if (!into.add(chunk))
            give(new HeliotropeError('exec-failed', `${command} printed more than ${maxOutput} bytes`))
        })
      child.on('error', cause => {
        done()
        reject(spawnFailed(command, cause))
      })
      child.on('close', (code, signal) => {
        done()
        if (failure) return reject(failure)
        if (code === null)
          return reject(
            new HeliotropeError('exec-failed', `${argv.join(' ')} was ended by ${signal ?? 'a signal'}`),
          )
        resolve({ code, stdout: out.text(), stderr: err.text() })
      })
      if (options.input !== undefined) {
        // A child that never reads its input ends with EPIPE here; its exit code says what was wrong.
        child.stdin?.on('error', () => {})
        child.stdin?.end(options.input)
      }
    })
}

/** Starts a program that goes on, and hands over each line of its stdout. */
export interface Follow {
  (
    argv: readonly [string, ...string[]],
    on: { line: (line: string) => void; end: (why: string) => void },
  ): { stop(): void }
}

/** The real Follow. `end` is called once, not after `stop`. */
export function systemFollow(options: Pick<ExecOptions, 'spawn' | 'env'>): Follow {
  return (argv, on) => {
    const [command, ...args] = argv
    const child = options.spawn(command, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...options.env, LC_ALL: 'C' },
    })
    let rest = ''
    let ended = false
    const end = (why: string): void => {
      if (ended) return
      ended = true
      on.end(why)
    }
    child.stdout?.setEncoding('utf8')
    child.stdout?.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      // A line without end must not grow for ever.
      rest = (lines.pop() ?? '').slice(-4096)
      if (!ended) lines.forEach(line => on.line(line))
    })
    child.on('error', cause => end(spawnFailed(command, cause).message))
    child.on('close', (code, signal) => end(`${command} ended (${signal ?? `exit ${code}`})`))
    return {
      stop() {
        ended = true
        child.kill('SIGTERM')
      },
    }
  }
}

/**
 * Runs and expects exit 0.
 * @returns stdout
 * @throws exec-failed with what the program said last
 */
export async function runOk(
  exec: Exec,
  argv: readonly [string, ...string[]],
  options: Parameters<Exec>[1] = {},
): Promise<string> {
  const { code, stdout, stderr } = await exec(argv, options)
  if (code === 0) return stdout
  throw new HeliotropeError(
    'exec-failed',
    `${argv.join(' ')} ended with ${code}: ${lastLines(stderr || stdout)}`,
    {
      details: { argv, code },
    },
  )
}

export const lastLines = (text: string, count = 3): string =>
  text.trim().split('\n').slice(-count).join(' | ').slice(0, 500) || 'it said nothing'

function collector(limit: Bytes): { add: (chunk: Buffer) => boolean; text: () => string } {
  const chunks: Buffer[] = []
  let size = 0
  return {
    add(chunk) {
      size += chunk.length
      if (size > limit) return false
      chunks.push(chunk)
      return true
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  }
}

function spawnFailed(command: string, cause: Error): HeliotropeError {
  const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
  return new HeliotropeError(
    'exec-failed',
    missing ? `${command} is not installed` : `${command} cannot be started`,
    {
      cause,
      remedy: missing
        ? 'install its package; on a host, heliotrope-agent doctor names it'
        : 'check its permissions',
    },
  )
}
