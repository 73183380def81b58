/** All of the coordinator that has to do with VMs whose memory died with a host, put together: it only wires. */
import type { BootId, GrantBody, HostId, MoveId, ReasonStep, VmId } from '@heliotrope/shared'
import { HeliotropeError } from '@heliotrope/shared'
import type { Judge } from '../state/claims.js'
import type { Evidence } from '../state/evidence.js'
import { Forgotten } from '../state/forgotten.js'
import { ClaimsWatch } from '../state/claims-watch.js'
import { lostVms } from '../state/lost-vms.js'
import type { LostView } from '../state/lost-vms.js'
import { SilentHosts } from '../state/silent-hosts.js'
import { LostWatch } from '../state/lost-watch.js'
import type { LostWatchPorts } from '../state/lost-watch.js'
import type { HostRecord } from '../state/host-record.js'
import { StandingOrders } from './standing-orders.js'
import type { StandingOrdersPorts } from './standing-orders.js'
import { Boots } from './boots.js'
import { EPOCHS_PER_GRANT } from './epochs.js'
import type { BootsPorts } from './boots.js'
import { PowerOff } from '../fence/power-off.js'
import type { PowerOffPorts } from '../fence/power-off.js'
import type { Agents, Sessions } from '../ingest/sessions.js'
import { Learning } from '../restore/learning.js'
import { Restored } from '../restore/restored.js'
import type { Enrolment } from '../store/enrolment.js'
import type { KeyRing } from '../trust/key-ring.js'
import { Fences } from './fences.js'
import { Lifts } from './lifts.js'

export interface LostAndFoundPorts
  extends
    Omit<BootsPorts, 'fenced' | 'vouched' | 'ended' | 'mayGoTo'>,
    Pick<LostWatchPorts, 'policy' | 'paused'>,
    Pick<PowerOffPorts, 'controls' | 'standsBy'>,
    Pick<StandingOrdersPorts, 'enrolled' | 'boot'> {
  hosts: () => HostRecord[]
  evidence: Evidence
  enrolment: Enrolment
  agents: Agents & Pick<Sessions, 'expel'>
  /** Absent where there is no authority (the simulator). */
  keys: Pick<KeyRing, 'standing'> | undefined
  /** Hosts that took part in moves of the VM. */
  partiesOf: (vm: VmId) => HostId[]
  /** Moves that have not ended, or were superseded; ends one for good. */
  openMoves: () => GrantBody[]
  supersede: (move: MoveId, why: string) => Promise<void>
  /** What is known beside reports has changed. */
  reconsider: () => void
  /** A VM was started on a host. */
  booted: (vm: VmId, host: HostId) => void
}

/** Fingerprints of all keys with which we may have signed. */
function everSigned({ keys, signer }: LostAndFoundPorts): string[] {
  const { next, retired = [] } = keys?.standing() ?? {}
  return [signer.fingerprint, ...(next === undefined ? [] : [next]), ...retired]
}

export class LostAndFound {
  readonly boots: Boots
  readonly lifts: Lifts
  readonly fences: Fences
  readonly forgotten: Forgotten
  readonly restored: Restored
  readonly #learning: Learning
  readonly powerOff: PowerOff
  readonly orders: StandingOrders
  /** What is known of hosts beside their reports. */
  readonly judge: Judge
  readonly #ports: LostAndFoundPorts
  readonly #watch: LostWatch
  readonly #silent: SilentHosts
  readonly #claims: ClaimsWatch

  constructor(ports: LostAndFoundPorts) {
    const { agents, alarms, booted, clock, fleet, journal } = ports
    this.#ports = ports
    this.fences = new Fences({ clock, alarms, journal, host: id => fleet.host(id) })
    this.forgotten = new Forgotten({ ...ports, movingTo: vm => ports.noteOf(vm).movingTo })
    this.#learning = new Learning({
      ...ports,
      note: (vm, change) => fleet.note(vm, change),
      certified: vm => ports.evidence.certified(vm)?.epoch ?? -1,
      trusted: () => everSigned(ports),
    })
    this.restored = new Restored({
      ...ports,
      learning: this.#learning,
      trusted: () => everSigned(ports),
      fenced: host => this.fences.of(host) !== undefined,
      vouched: (host, vm) => this.forgotten.wordOf(host, vm) !== undefined,
      restoredAt: at => ports.epochs.restored(at),
      changed: () => this.#ports.reconsider(),
      expel: host => agents.expel(host, 'the certificate of this host was revoked'),
    })
    this.powerOff = new PowerOff({ ...ports, fences: this.fences, host: id => fleet.host(id) })
    this.orders = new StandingOrders({ ...ports, host: id => ports.hosts().find(one => one.id === id) })
    this.boots = new Boots({
      ...ports,
      mayGoTo: (...args) => this.orders.mayGoTo(...args),
      fenced: host => this.fences.of(host),
      vouched: (id, vm) => {
        const host = ports.hosts().find(one => one.id === id)
        return host && this.forgotten.wordOf(host, vm)
      },
      ended: ({ requested, done }) => {
        const failed = done?.outcome === 'booted' ? undefined : done?.why
        if (failed === undefined) booted(requested.vm, requested.to.host)
        this.#watch.ended(requested.vm, failed)
        this.look()
      },
    })
    this.lifts = new Lifts({ ...ports, fenced: host => this.fences.of(host) })
    this.judge = {
      evidence: ports.evidence,
      off: ({ connected, id }) => !connected && this.fences.of(id) !== undefined,
      dropped: (host, vm) => this.forgotten.dropped(host, vm),
      vouched: (host, vm) => this.forgotten.wordOf(host, vm) !== undefined,
      unheard: vm => this.restored.against(vm),
    }
    this.#claims = new ClaimsWatch({ ...ports, judge: this.judge })
    this.#silent = new SilentHosts({
      ...ports,
      fenced: host => this.fences.of(host) !== undefined,
      vouched: this.judge.vouched,
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
    this.forgotten.start()
    this.#learning.start()
    this.restored.start()
    this.orders.start()
    this.boots.start()
    this.lifts.start()
  }

  async stop(): Promise<void> {
    this.#watch.stop()
    this.#silent.stop()
    this.#claims.stop()
    this.restored.stop()
    await this.powerOff.stop()
    this.orders.stop()
    await this.boots.stop()
  }

  /** A host has come, and the fleet knows. @throws journal-failed */
  arrived(host: HostId, bootId: string): void {
    this.fences.spoke(host, bootId)
    this.boots.poke()
    void this.restored.arrived(host)
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
    this.#claims.look()
    this.restored.look()
    this.orders.look()
  }

  /** Starts a VM by hand. @throws refused | conflict | unavailable, saying why */
  async boot(
    { vm, name, host, move, blocked, others, claims, ...view }: LostView,
    to: HostId,
    reason: ReasonStep[],
  ): Promise<BootId> {
    const said = claims ? claims.find(one => one.host === to) : view
    if (!said)
      throw new HeliotropeError('refused', `${name} is not started on ${to}: ${view.doubt}`, {
        remedy: `say which of them never had it: heliotrope forget HOST; or start it on one of them`,
      })
    const { config, epoch } = said
    if (blocked !== undefined || !config)
      throw new HeliotropeError('refused', `${name} is not started: ${blocked ?? 'its config is not known'}`)
    // Only that host knows what is behind such a path: elsewhere it names another disk, and whoever made the config up chose it.
    const own = to === host ? undefined : config.disks.find(disk => disk.source.kind === 'local')
    if (own)
      throw new HeliotropeError(
        'refused',
        `${name} is not started on ${to}: its disk ${own.vdev} is ${own.path} of ${host}`,
        { remedy: `start it on ${host}: heliotrope vms boot ${name}` },
      )
    const request = { vm, name, config, to, epoch, others: others.filter(id => id !== to), reason }
    this.boots.check(request)
    if (move) await this.#ports.supersede(move, `superseded by a cold boot on ${to}`)
    return this.boots.request(request)
  }

  openMoveOf(vm: VmId): GrantBody | undefined {
    return this.#unsettled().find(one => one.vm === vm)
  }

  /** Moves whose sides may still take the VM: open ones, and those that a boot was to end which then came to nothing. */
  #unsettled(): GrantBody[] {
    const { evidence, openMoves } = this.#ports
    return openMoves().filter(
      ({ epoch, vm }) => (evidence.certified(vm)?.epoch ?? -1) < epoch + EPOCHS_PER_GRANT,
    )
  }

  lost(): LostView[] {
    const { hosts, noteOf, partiesOf } = this.#ports
    return lostVms({
      hosts: hosts(),
      noteOf,
      openMoves: () => this.#unsettled(),
      fenced: host => this.fences.of(host) !== undefined,
      partiesOf: vm => [...partiesOf(vm), ...this.boots.partiesOf(vm), ...this.#learning.partiesOf(vm)],
      givenUp: () => this.boots.givenUp(),
      judge: this.judge,
    })
  }
}
