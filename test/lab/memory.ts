import { readFileSync } from 'node:fs'
import { LabSkip } from './errors.js'

/** Of each emulated machine, MiB. */
export const machineMiB = 2048
/** QEMU's own, and coordinator, storage and suite beside it: some 500 MiB. */
const besideMiB = 512

/** @param meminfo the text of /proc/meminfo @returns what is missing for two machines, in words; undefined if nothing is */
export function memoryMissing(meminfo: string): string | undefined {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1]
  const needed = 2 * machineMiB + besideMiB
  if (available === undefined || Number(available) >= needed * 1024) return undefined
  return `the lab needs ${needed} MiB of memory, and this machine has ${Math.floor(Number(available) / 1024)} available`
}

/** Asked before the machines are started, not while they run. @throws LabSkip where there is too little for both */
export function checkMemory(): void {
  const missing = memoryMissing(readFileSync('/proc/meminfo', 'utf8'))
  if (missing !== undefined) throw new LabSkip(missing)
}
