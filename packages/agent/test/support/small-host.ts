/** A host with one VM, for tests of what is above the hypervisor. */
import type { VmConfig, VmId } from '@heliotrope/shared'
import type { DomainSeen, Hypervisor } from '../../src/ports.js'

export const WEB: VmId = '5f0c2a61-6a2e-4b0f-9a57-0d2f7c1e8a10' as VmId

export const webConfig: VmConfig = {
  uuid: WEB,
  name: 'web-1',
  type: 'pvh',
  memoryMiB: 128,
  maxMemoryMiB: 128,
  vcpus: 1,
  disks: [],
  vifs: [],
  onPoweroff: 'destroy',
  onReboot: 'restart',
  onCrash: 'destroy',
}

export interface SmallHost {
  hypervisor: Hypervisor
  domains: DomainSeen[]
  /** The hypervisor answers nothing but this. */
  broken: Error | undefined
  looks: number
  /** How often the facts were asked for. */
  infos: number
  event(): void
}

export function smallHost(): SmallHost {
  const watchers = new Set<() => void>()
  const web: DomainSeen = {
    domid: 3,
    uuid: WEB,
    name: 'web-1',
    state: 'running',
    memoryMiB: 128,
    vcpus: 1,
    cpuS: 1,
  }
  const refuse = (): Promise<never> => Promise.reject(new Error('not in this test'))
  const host: SmallHost = {
    domains: [web],
    broken: undefined,
    looks: 0,
    infos: 0,
    event: () => watchers.forEach(changed => changed()),
    hypervisor: {
      async list() {
        if (host.broken) throw host.broken
        host.looks++
        return {
          domains: host.domains.map(domain => ({ ...domain, cpuS: host.looks })),
          dom0CpuS: host.looks,
        }
      },
      find: async uuid => host.domains.filter(domain => domain.uuid === uuid),
      inspect: async () => ({ config: webConfig, liveBlockers: [], regularBlockers: [] }),
      async facts() {
        host.infos++
        return {
          xenVersion: '4.20',
          virtCaps: ['hap'],
          cpus: 4,
          cpuMHz: 2_000,
          totalMemoryMiB: 4_096,
          freeMemoryMiB: 1_024 * (1 + host.domains.length),
          bridges: ['xenbr0'],
        }
      },
      rename: refuse,
      pause: refuse,
      unpause: refuse,
      resume: refuse,
      destroy: refuse,
      drained: refuse,
      watch(changed) {
        watchers.add(changed)
        return { stop: () => watchers.delete(changed) }
      },
    },
  }
  return host
}
