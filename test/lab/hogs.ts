import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { LabUsage } from './errors.js'
import type { Host } from './host.js'
import { livingPid } from './processes.js'
import { say } from './say.js'
import type { SuiteOptions } from './suite.js'

/** They end by themselves after so long, whatever becomes of who started them. */
const limitS = 7200
const most = 64

/** @returns how many busy loops `--hogs` asks for @throws LabUsage if it is no such number */
export function hogsOf(options: SuiteOptions): number {
  const hogs = Number(options['hogs'] ?? 0)
  if (!Number.isInteger(hogs) || hogs < 0 || hogs > most)
    throw new LabUsage(`--hogs ${options['hogs']}: give a number of busy loops, 0 to ${most}`)
  return hogs
}

/** Busy loops beside the lab, as a machine has that builds and tests at the same time: each in a session of its own. */
export class Hogs {
  #running: ChildProcess[] = []

  constructor(readonly count: number) {}

  start(): void {
    if (this.count > 0) say(`${this.count} busy loops beside it`)
    const loop = ['timeout', String(limitS), 'sh', '-c', 'while :; do :; done']
    // timeout ends its loop when it is asked to end, and is asked to when this process dies.
    const [file, ...args] = ['setpriv', '--pdeathsig', 'TERM', ...loop]
    this.#running = Array.from({ length: this.count }, () =>
      spawn(file!, args, { stdio: 'ignore', detached: true }),
    )
  }

  stop(): void {
    for (const hog of this.#running) hog.kill('SIGTERM')
    this.#running = []
  }
}

/**
 * Of the time in which a machine could have run, the part in which it did, since QEMU was started: 1 is a machine that is alone.
 * By /proc/PID/task/TID/schedstat: ns on a CPU, ns waiting for one. Null where the kernel does not tell.
 */
export function machineShares(hosts: readonly Host[]): Record<string, number | null> {
  return Object.fromEntries(
    hosts.map(host => {
      const pid = livingPid(host.qemu.processName)
      const times = pid === undefined ? [] : threadTimes(`/proc/${pid}/task`)
      const sum = (field: number): number => times.reduce((all, one) => all + one[field]!, 0)
      const wanted = sum(0) + sum(1)
      return [host.name, wanted > 0 ? Math.round((100 * sum(0)) / wanted) / 100 : null]
    }),
  )
}

function threadTimes(folder: string): number[][] {
  return readdirSync(folder).flatMap(tid => {
    try {
      return [readFileSync(`${folder}/${tid}/schedstat`, 'utf8').split(' ').map(Number)]
    } catch {
      // The thread has ended, or the kernel keeps no such figures.
      return []
    }
  })
}
