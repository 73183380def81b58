import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, LabError } from './errors.js'
import { exec } from './exec.js'
import { inRun } from './paths.js'
import { giveGroupPrecedence, withPrecedence } from './precedence.js'
import { until } from './until.js'

/** The one network namespace of the lab. */
export const namespace = 'heliotrope-lab'

export const inNamespace = (argv: readonly string[]): string[] => ['ip', 'netns', 'exec', namespace, ...argv]

interface ProcessRecord {
  name: string
  argv: string[]
  /** 0 while the process is being started: the starter may be killed before it can write the pid */
  pid: number
}

const folder = inRun('processes')
const recordFile = (name: string): string => join(folder, `${name}.json`)

/** Where the output of a process goes. */
export const logFile = (name: string): string => inRun('log', `${name}.log`)

/**
 * Starts a process that outlives this one, in the lab's namespace, before other work of this machine, and records it so
 * that `lab down` finds it.
 *
 * @returns its pid
 * @throws LabError if a process of that name lives already, or the program cannot be run
 */
export async function startProcess(
  name: string,
  argv: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<number> {
  if (livingPid(name) !== undefined) throw new LabError(`${name} is running already`)
  mkdirSync(folder, { recursive: true })
  mkdirSync(inRun('log'), { recursive: true })
  write({ name, argv: [...argv], pid: 0 })
  const log = openSync(logFile(name), 'a')
  try {
    // nice and ip give way to the program: the record need not know them.
    const [file, ...args] = inNamespace(withPrecedence(argv))
    const child = spawn(file!, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...options.env },
      cwd: options.cwd ?? '/',
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    write({ name, argv: [...argv], pid: child.pid! })
    giveGroupPrecedence(child.pid!)
    child.unref()
    return child.pid!
  } catch (cause) {
    rmSync(recordFile(name), { force: true })
    throw new LabError(`cannot start ${name}`, { cause })
  } finally {
    closeSync(log)
  }
}

/** The pid of a recorded process, if it lives and is still the program that was started. */
export function livingPid(name: string): number | undefined {
  const record = read(name)
  return record && record.pid > 0 && runs(record.pid, record.argv) ? record.pid : undefined
}

/** The names of all recorded processes, dead ones included. */
export function recordedProcesses(): string[] {
  try {
    return readdirSync(folder)
      .filter(file => file.endsWith('.json'))
      .map(file => file.slice(0, -'.json'.length))
      .sort()
  } catch {
    return []
  }
}

/**
 * Ends a recorded process and forgets it. One that is not there any more is no error.
 *
 * @param signal first this, and SIGKILL after `graceMs`
 */
export async function stopProcess(
  name: string,
  signal: NodeJS.Signals = 'SIGTERM',
  graceMs = 5000,
): Promise<void> {
  const record = read(name)
  if (!record) return
  const pid = record.pid > 0 ? record.pid : await strayPid(record.argv)
  const gone = (): true | undefined => (pid === undefined || ended(pid) ? true : undefined)
  if (pid !== undefined && runs(pid, record.argv)) {
    send(pid, signal)
    try {
      await until(`${name} to end`, graceMs, gone, 20)
    } catch {
      send(pid, 'SIGKILL')
      await until(`${name} (pid ${pid}) to end`, 10_000, gone, 20)
    }
  }
  rmSync(recordFile(name), { force: true })
}

/** A process whose starter died between the start and the record: looked for only inside the lab's namespace. */
async function strayPid(argv: readonly string[]): Promise<number | undefined> {
  const pids = await exec(['ip', 'netns', 'pids', namespace])
  return pids.stdout
    .split('\n')
    .map(Number)
    .find(pid => pid > 0 && runs(pid, argv))
}

/** Pids are reused: a process counts as ours only if its command line ends as we started it. */
function runs(pid: number, argv: readonly string[]): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').endsWith(`${argv.join('\0')}\0`)
  } catch {
    return false
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw new LabError(describe(error))
  }
}

function read(name: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordFile(name), 'utf8')) as ProcessRecord
  } catch {
    return undefined
  }
}

function write(record: ProcessRecord): void {
  writeFileSync(recordFile(record.name), JSON.stringify(record))
}

/**
 * Its files are closed: a process that still exits has no command line any more, but may hold taps and locks; so may its
 * other threads when the first is a zombie already.
 */
function ended(pid: number): boolean {
  try {
    const zombie = /^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return zombie && readdirSync(`/proc/${pid}/task`).length <= 1
  } catch {
    return true
  }
}
