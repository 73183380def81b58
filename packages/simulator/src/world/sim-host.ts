/** One simulated dom0: its domains, its xl processes, its watts. Changes go through the world, which looks on. */
import type { HostState, MiB, MoveId, W } from '@heliotrope/shared'
import type { SimDomain } from './domain.js'
import { TRANSFER_W } from './spec.js'
import type { HostSpec, SiteSpec } from './spec.js'

/** An xl that lives on a host. */
export interface XlProcess {
  move: MoveId
  role: 'source' | 'target'
  alive: boolean
  /** As by SIGKILL: no clean-up, the pipes close. */
  kill(): void
}

/** What dom0 itself keeps. */
const DOM0_MIB: MiB = 1024

export class SimHost {
  readonly spec: HostSpec
  readonly site: SiteSpec
  readonly domains = new Map<number, SimDomain>()
  readonly xls = new Set<XlProcess>()
  readonly watchers = new Set<() => void>()
  bootCount = 1
  power: 'on' | 'standby' | 'booting' = 'on'
  /** Transfers that move bytes now. */
  transfers = 0
  dom0CpuS = 0
  /** Unmeasured findings of doctor, for scenarios. */
  findings: HostState['findings'] = []
  #nextDomid = 1

  constructor(spec: HostSpec, site: SiteSpec) {
    this.spec = spec
    this.site = site
  }

  get bootId(): string {
    return `${this.spec.id}-boot-${this.bootCount}`
  }

  newDomid(): number {
    return this.#nextDomid++
  }

  get freeMemoryMiB(): MiB {
    let used = DOM0_MIB
    for (const domain of this.domains.values()) used += domain.config.maxMemoryMiB
    return this.spec.memoryMiB - used
  }

  named(name: string): SimDomain | undefined {
    return [...this.domains.values()].find(domain => domain.name === name)
  }

  /** @param busyCores of all running domains */
  loadW(busyCores: number): W {
    if (this.power === 'standby') return this.spec.standbyW ?? 0
    return hostW(this.spec, busyCores) + (this.transfers > 0 ? TRANSFER_W : 0)
  }
}

/** Idle power plus the share of the rest that the busy cores draw (`scenarios/FORMAT.md`). */
export function hostW(spec: HostSpec, busyCores: number): W {
  return spec.idleW + (spec.peakW - spec.idleW) * Math.min(1, busyCores / spec.cpus)
}
