/** The agent's Hypervisor on a simulated host, ugly states included: it shows what xl left behind, and hides nothing. */
import type { DomainSeen, Hypervisor } from '@heliotrope/agent'
import { HeliotropeError } from '@heliotrope/shared'
import { uuidOf } from '../world/domain.js'
import type { SimDomain } from '../world/domain.js'
import type { SimHost } from '../world/sim-host.js'
import { BRIDGE } from '../world/spec.js'
import type { World } from '../world/world.js'

export function simHypervisor(world: World, host: SimHost): Hypervisor {
  const { id, cpus, memoryMiB, virtCaps } = host.spec
  const get = (domid: number): SimDomain => {
    const domain = host.domains.get(domid)
    if (domain) return domain
    throw new HeliotropeError('unknown', `there is no domain ${domid} on ${id}`)
  }
  const seen = (): DomainSeen[] => {
    world.book()
    return [...host.domains.values()].map(seenOf)
  }
  return {
    list: async () => ({ domains: seen(), dom0CpuS: host.dom0CpuS }),
    find: async uuid => seen().filter(domain => domain.uuid === uuid),
    inspect: async domid => {
      const domain = get(domid)
      const liveBlockers = blockersOf(domain, virtCaps)
      return { config: structuredClone(domain.config), liveBlockers, regularBlockers: [] }
    },
    facts: async () => ({
      xenVersion: host.spec.xenVersion ?? '4.20.0',
      virtCaps: [...virtCaps],
      cpus,
      cpuMHz: 2600,
      totalMemoryMiB: memoryMiB,
      freeMemoryMiB: host.freeMemoryMiB,
      bridges: [BRIDGE],
      model: 'simulated',
    }),
    rename: async (domid, name) => {
      const domain = get(domid)
      const other = host.named(name)
      if (other && other !== domain)
        throw new HeliotropeError('exec-failed', `xl rename: domain ${other.domid} is named ${name} already`)
      world.rename(host, domain, name)
    },
    pause: async domid => {
      const domain = get(domid)
      if (domain.state === 'running') world.setState(host, domain, 'paused', 'xl pause')
    },
    unpause: async domid => {
      const domain = get(domid)
      if (domain.building)
        throw new HeliotropeError('exec-failed', `xl unpause: domain ${domid} is still being built`)
      // A suspended domain stays suspended: xl unpause exits 0 and does nothing.
      if (domain.state === 'paused') world.setState(host, domain, 'running', 'xl unpause')
    },
    resume: async domid => {
      const domain = get(domid)
      if (domain.state === 'suspended') world.setState(host, domain, 'running', 'xl resume')
    },
    destroy: async domid => {
      const domain = host.domains.get(domid)
      if (domain) world.remove(host, domain, 'xl destroy')
    },
    drained: async domid => ['suspended', 'paused'].includes(host.domains.get(domid)?.state ?? ''),
    watch(changed) {
      host.watchers.add(changed)
      return { stop: () => void host.watchers.delete(changed) }
    },
  }
}

const seenOf = (domain: SimDomain): DomainSeen => ({
  domid: domain.domid,
  uuid: uuidOf(domain),
  name: domain.name,
  state: domain.state,
  memoryMiB: domain.config.memoryMiB,
  vcpus: domain.config.vcpus,
  cpuS: domain.cpuS,
})

function blockersOf(domain: SimDomain, virtCaps: readonly string[]): string[] {
  if (domain.config.type === 'pv' && !virtCaps.includes('shadow'))
    return [
      "PV guest: this hypervisor is built without shadow paging (virt_caps lacks 'shadow'), it cannot be migrated live",
    ]
  return []
}
