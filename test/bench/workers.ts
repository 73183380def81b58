// Starts the processes of a benchmark, talks to them, and leaves none behind.
import { fork, spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
/** A compiled script of the agent's test support. */
export const script = (name: string): string => join(root, 'packages/agent/dist/test/support', `${name}.js`)

const started = new Set<ChildProcess>()

function track<C extends ChildProcess>(child: C): C {
  started.add(child)
  child.on('exit', () => started.delete(child))
  return child
}

export interface Worker {
  child: ChildProcess
  /** The next message that has this member. Rejects if the process ends first. */
  hear<T>(member: string): Promise<T>
  say(word: string | object): void
  ended: Promise<number | null>
}

/** The Node that runs on dom0, if `./scripts/product` has made it; it may be newer than the one that builds. */
export function productRuntime(): string | undefined {
  const node = join(root, 'dist/product/bin/node')
  return existsSync(node) ? node : undefined
}

export interface WorkerOptions {
  /** A descriptor for the worker's stdin; default none. */
  stdin?: number | undefined
  /** The Node that runs it; default this one. */
  execPath?: string | undefined
}

export function worker(name: string, args: string[], options: WorkerOptions = {}): Worker {
  const { stdin = 'ignore', execPath = process.execPath } = options
  const child = track(fork(script(name), args, { execPath, stdio: [stdin, 'inherit', 'inherit', 'ipc'] }))
  const heard: Record<string, unknown>[] = []
  let woken = (): void => {}
  child.on('message', message => {
    heard.push(message as Record<string, unknown>)
    woken()
  })
  const ended = new Promise<number | null>(resolve => {
    child.on('exit', code => {
      resolve(code)
      woken()
    })
  })
  return {
    child,
    ended,
    say: word => void child.send(word),
    async hear<T>(member: string) {
      for (;;) {
        const at = heard.findIndex(message => member in message)
        if (at >= 0) return heard.splice(at, 1)[0] as T
        if (child.exitCode !== null) throw new Error(`${name} ${args[0]} ended with ${child.exitCode}`)
        await new Promise<void>(resolve => (woken = resolve))
      }
    },
  }
}

export function run(
  command: string,
  args: string[],
  options: SpawnOptions,
): { child: ChildProcess; ended: Promise<number> } {
  const child = track(spawn(command, args, options))
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', code => resolve(code ?? 1))
  })
  return { child, ended }
}

export function endAll(): void {
  for (const child of started) child.kill('SIGKILL')
}
