/** All of the coordinator that has to do with VMs whose memory died with a host, put together: it only wires. */
import type { HostId, VmId } from '@heliotrope/shared'
import { lostVms } from '../state/lost-vms.js'
import type { LostView } from '../state/lost-vms.js'
import { LostWatch } from '../state/lost-watch.js'
import type { LostWatchPorts } from '../state/lost-watch.js'
import type { HostRecord } from '../state/host-record.js'
import { Boots } from './boots.js'
import type { BootsPorts } from './boots.js'
import { Fences } from './fences.js'

export interface LostAndFoundPorts
  extends Omit<BootsPorts, 'fenced' | 'ended'>, Pick<LostWatchPorts, 'policy' | 'paused'> {
  hosts: () => HostRecord[]
  /** Hosts that took part in moves of the VM. */
  partiesOf: (vm: VmId) => HostId[]
  /** A VM was started on a host. */
  booted: (vm: VmId, host: HostId) => void
}

export class LostAndFound {
  readonly boots: Boots
  readonly fences: Fences
  readonly #ports: LostAndFoundPorts
  readonly #watch: LostWatch

  constructor(ports: LostAndFoundPorts) {
    const { agents, booted, clock, fleet, journal } = ports
    this.#ports = ports
    this.fences = new Fences({ clock, journal, host: id => fleet.host(id) })
    this.boots = new Boots({
      ...ports,
      fenced: host => this.fences.of(host),
      ended: ({ requested, done }) => {
        const failed = done?.outcome === 'booted' ? undefined : done?.why
        if (failed === undefined) booted(requested.vm, requested.to.host)
        this.#watch.ended(requested.vm, failed)
        this.look()
      },
    })
    this.#watch = new LostWatch({
      ...ports,
      lost: () => this.lost(),
      connected: host => agents.connected(host),
      boot: request => void this.boots.request(request),
    })
  }

  /** Audit acts that this goes on with; before `start`, too. */
  openActs(): string[] {
    return this.boots.openActs()
  }

  start(): void {
    this.fences.start()
    this.boots.start()
  }

  async stop(): Promise<void> {
    this.#watch.stop()
    await this.boots.stop()
  }

  /** To be called after each important change of the fleet. */
  look(): void {
    this.#watch.look()
  }

  lost(): LostView[] {
    const { hosts, noteOf, partiesOf } = this.#ports
    return lostVms({
      hosts: hosts(),
      noteOf,
      fenced: host => this.fences.of(host) !== undefined,
      partiesOf: vm => [...partiesOf(vm), ...this.boots.partiesOf(vm)],
    })
  }
}
