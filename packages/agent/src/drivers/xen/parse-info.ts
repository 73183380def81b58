/** `xl info`: lines of `key : value`. */
import { HeliotropeError } from '@heliotrope/shared'
import type { HostFacts } from '@heliotrope/shared'

export type XenInfo = Pick<
  HostFacts,
  'xenVersion' | 'virtCaps' | 'cpus' | 'cpuMHz' | 'totalMemoryMiB' | 'freeMemoryMiB'
>

/**
 * `free_memory` has the outstanding claims taken off by xl itself (output_physinfo prints
 * `(free_pages - outstanding_pages)`, 4.17 to 4.20), so they are not taken off again. Claims beyond what is free print
 * as a huge unsigned number; that counts as none.
 * @throws exec-failed naming the key that is missing
 */
export function parseInfo(text: string): XenInfo {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) values.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim())
  }
  const get = (key: string): string => {
    const value = values.get(key)
    if (value === undefined || value === '') throw bad(key, 'lacks it')
    return value
  }
  const number = (key: string): number => {
    const value = Number(get(key))
    if (!Number.isFinite(value)) throw bad(key, `has ${JSON.stringify(get(key))}`)
    return value
  }
  const totalMemoryMiB = number('total_memory')
  const free = number('free_memory')
  return {
    xenVersion: get('xen_version').slice(0, 40),
    virtCaps: words(values.get('virt_caps')),
    cpus: number('nr_cpus'),
    cpuMHz: number('cpu_mhz'),
    totalMemoryMiB,
    freeMemoryMiB: free > totalMemoryMiB ? 0 : free,
  }
}

const words = (text = ''): string[] =>
  text
    .split(/\s+/)
    .filter(word => word !== '')
    .slice(0, 60)

const bad = (key: string, what: string): HeliotropeError =>
  new HeliotropeError('exec-failed', `xl info: ${key}: ${what}`, {
    remedy: 'run `xl info` as root: does this machine run as dom0 of Xen?',
  })
