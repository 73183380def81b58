/** The simulated world with somebody who looks on before a copy is destroyed, and guests that do things by themselves. */
import type { Disk, HostId, VmId } from '@heliotrope/shared'
import { SECOND } from '@heliotrope/shared'
import type { VirtualClock } from '@heliotrope/shared'
import { uuidOf } from '../world/domain.js'
import type { SimDomain } from '../world/domain.js'
import type { SimHost } from '../world/sim-host.js'
import type { VmSpec, WorldSpec } from '../world/spec.js'
import { configOf } from '../world/vm-config.js'
import { World } from '../world/world.js'

export type GuestEvent = 'reboot' | 'poweroff' | 'crash' | 'foreign-suspend'
export const guestEvents: readonly GuestEvent[] = ['reboot', 'poweroff', 'crash', 'foreign-suspend']

/** Before Xen 4.20 xl's monitor of a domain leaves when the domain suspends, and does not come back. */
const leaves = ({ spec: { xenVersion = '4.20' } }: SimHost): boolean => Number(xenVersion.split('.')[1]) < 20

const words = { crash: 'crashes', poweroff: 'powers off', reboot: 'reboots' } as const

/** How long the monitor of a domain takes to make it anew. */
const RESTART_MS = 2 * SECOND

export class FaultWorld extends World {
  /** Before a domain goes, with the reason. */
  removing: (host: SimHost, domain: SimDomain, why: string) => void = () => {}
  /** Before a domain's state changes. */
  changing: (host: SimHost, domain: SimDomain, state: SimDomain['state'], why: string) => void = () => {}
  /** When the power has gone while a guest reboots: xl will not make it anew. */
  rebootCut = (): void => {}
  /** The last thing that the guest, or somebody at its console, did. */
  guestDid: { event: GuestEvent; host: HostId; bootId: string; domid: number } | undefined
  /** Makes of the VM: the first, and one for each reboot. */
  boots = 1
  /** Domains whose end xl's monitor does not see: before Xen 4.20 it leaves when a move suspends the domain. */
  readonly #unwatched = new WeakSet<SimDomain>()

  constructor(clock: VirtualClock, spec: WorldSpec) {
    super(clock, spec)
  }

  override remove(host: SimHost, domain: SimDomain, why: string): void {
    this.removing?.(host, domain, why)
    super.remove(host, domain, why)
  }

  override setState(host: SimHost, domain: SimDomain, state: SimDomain['state'], why: string): void {
    this.changing?.(host, domain, state, why)
    if (state === 'suspended' && /^xl (migrate|save)/.test(why) && leaves(host)) this.#unwatched.add(domain)
    super.setState(host, domain, state, why)
  }

  running(vm: VmId): { host: SimHost; domain: SimDomain } | undefined {
    for (const host of this.hosts.values())
      for (const domain of host.domains.values())
        if (uuidOf(domain) === vm && domain.state === 'running') return { host, domain }
    return undefined
  }

  copies(vm: VmId): { host: SimHost; domain: SimDomain }[] {
    return [...this.hosts.values()].flatMap(host =>
      [...host.domains.values()].filter(domain => uuidOf(domain) === vm).map(domain => ({ host, domain })),
    )
  }

  /** The disks that a VM was made with. */
  diskOf(vm: VmSpec): readonly Disk[] {
    return configOf(vm).disks
  }

  /** Something of the guest's own doing, where it runs; nothing if it does not. */
  guest(event: GuestEvent, vm: VmId): boolean {
    const at = this.running(vm)
    if (!at || this.guestDid) return false
    const { host, domain } = at
    this.guestDid = { event, host: host.spec.id, bootId: host.bootId, domid: domain.domid }
    const watched = !this.#unwatched.has(domain)
    if (event === 'crash' || (!watched && event !== 'foreign-suspend'))
      this.setState(host, domain, event === 'crash' ? 'crashed' : event, `guest ${words[event]}`)
    if (!watched && event !== 'foreign-suspend') return true
    switch (event) {
      case 'crash':
        if (domain.config.onCrash !== 'restart') return true
        super.remove(host, domain, 'guest crashed')
        this.#restart(host, domain, host.bootCount)
        return true
      case 'foreign-suspend':
        this.setState(host, domain, 'suspended', 'somebody suspends it by hand')
        return true
      case 'poweroff':
        this.setState(host, domain, 'dying', 'guest powers off')
        super.remove(host, domain, 'guest powers off')
        return true
      case 'reboot':
        this.setState(host, domain, 'dying', 'guest reboots')
        super.remove(host, domain, 'guest reboots')
        // xl's monitor of the domain makes it anew; with the host it is gone, too.
        this.#restart(host, domain, host.bootCount)
        return true
    }
  }

  #restart(host: SimHost, { config, spec }: SimDomain, boot: number): void {
    this.clock.after(RESTART_MS, () => {
      if (host.bootCount !== boot || host.power !== 'on') return this.rebootCut()
      if (host.named(config.name)) return
      this.boots++
      const domain: SimDomain = {
        domid: host.newDomid(),
        name: config.name,
        state: 'paused',
        config: structuredClone(config),
        spec,
        cpuS: 0,
        building: false,
        memory: this.disks.fresh(config.uuid),
      }
      host.domains.set(domain.domid, domain)
      this.setState(host, domain, 'running', 'guest boots again')
    })
  }
}
