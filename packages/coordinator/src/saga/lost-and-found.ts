/** All of the coordinator that has to do with VMs whose memory died with a host, put together: it only wires. */
import type { BootId, GrantBody, HostId, MoveId, ReasonStep, VmId } from '@heliotrope/shared'
import { HeliotropeError } from '@heliotrope/shared'
import { lostVms } from '../state/lost-vms.js'
import type { LostView } from '../state/lost-vms.js'
import { SilentHosts } from '../state/silent-hosts.js'
import { LostWatch } from '../state/lost-watch.js'
import type { LostWatchPorts } from '../state/lost-watch.js'
import type { HostRecord } from '../state/host-record.js'
import { StandingOrders } from './standing-orders.js'
import type { StandingOrdersPorts } from './standing-orders.js'
import { Boots } from './boots.js'
import type { BootsPorts } from './boots.js'
import { PowerOff } from '../fence/power-off.js'
import type { PowerOffPorts } from '../fence/power-off.js'
import { Fences } from './fences.js'

export interface LostAndFoundPorts
  extends
    Omit<BootsPorts, 'fenced' | 'ended' | 'mayGoTo'>,
    Pick<LostWatchPorts, 'policy' | 'paused'>,
    Pick<PowerOffPorts, 'controls' | 'standsBy'>,
    Pick<StandingOrdersPorts, 'enrolled' | 'boot'> {
  hosts: () => HostRecord[]
  /** Hosts that took part in moves of the VM. */
  partiesOf: (vm: VmId) => HostId[]
  /** Moves that have not ended; ends one for good. */
  openMoves: () => GrantBody[]
  supersede: (move: MoveId, why: string) => Promise<void>
  /** A VM was started on a host. */
  booted: (vm: VmId, host: HostId) => void
}

export class LostAndFound {
  readonly boots: Boots
  readonly fences: Fences
  readonly powerOff: PowerOff
  readonly orders: StandingOrders
  readonly #ports: LostAndFoundPorts
  readonly #watch: LostWatch
  readonly #silent: SilentHosts

  constructor(ports: LostAndFoundPorts) {
    const { agents, alarms, booted, clock, fleet, journal } = ports
    this.#ports = ports
    this.fences = new Fences({ clock, alarms, journal, host: id => fleet.host(id) })
    this.powerOff = new PowerOff({ ...ports, fences: this.fences, host: id => fleet.host(id) })
    this.orders = new StandingOrders({ ...ports, host: id => ports.hosts().find(one => one.id === id) })
    this.boots = new Boots({
      ...ports,
      mayGoTo: (...args) => this.orders.mayGoTo(...args),
      fenced: host => this.fences.of(host),
      ended: ({ requested, done }) => {
        const failed = done?.outcome === 'booted' ? undefined : done?.why
        if (failed === undefined) booted(requested.vm, requested.to.host)
        this.#watch.ended(requested.vm, failed)
        this.look()
      },
    })
    this.#silent = new SilentHosts({
      ...ports,
      fenced: host => this.fences.of(host) !== undefined,
      controlled: host => this.powerOff.controlOf(host) !== undefined,
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
    this.orders.start()
    this.boots.start()
  }

  async stop(): Promise<void> {
    this.#watch.stop()
    this.#silent.stop()
    await this.powerOff.stop()
    this.orders.stop()
    await this.boots.stop()
  }

  /** A host has come, and the fleet knows. @throws journal-failed */
  arrived(host: HostId, bootId: string): void {
    this.fences.spoke(host, bootId)
    this.boots.poke()
  }

  /** To be called after each important change of the fleet. */
  look(): void {
    for (const { vm } of this.boots.givenUp())
      if (
        this.#ports
          .hosts()
          .some(({ domains }) => domains.some(one => one.uuid === vm && one.state === 'running'))
      )
        this.boots.runs(vm)
    this.#watch.look()
    this.#silent.look()
    this.orders.look()
  }

  /** Starts a VM by hand. @throws refused | conflict | unavailable, saying why */
  async boot(
    { vm, name, config, epoch, move, blocked, others }: LostView,
    to: HostId,
    reason: ReasonStep[],
  ): Promise<BootId> {
    if (blocked !== undefined || !config)
      throw new HeliotropeError('refused', `${name} is not started: ${blocked ?? 'its config is not known'}`)
    if (move) await this.#ports.supersede(move, `superseded by a cold boot on ${to}`)
    return this.boots.request({ vm, name, config, to, epoch, others: others.filter(id => id !== to), reason })
  }

  lost(): LostView[] {
    const { hosts, noteOf, openMoves, partiesOf } = this.#ports
    return lostVms({
      hosts: hosts(),
      noteOf,
      openMoves,
      fenced: host => this.fences.of(host) !== undefined,
      partiesOf: vm => [...partiesOf(vm), ...this.boots.partiesOf(vm)],
      givenUp: () => this.boots.givenUp(),
    })
  }
}
