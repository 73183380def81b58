/** The coordinator's picture of the fleet, made of reports and of what its own journal certifies. */
import type {
  Clock,
  Epoch,
  HostId,
  HostPowerModel,
  MoveId,
  Ms,
  Report,
  SiteConfig,
  SiteId,
  Snapshot,
  VmId,
  VmState,
} from '@heliotrope/shared'
import type { VmRule } from '../config/rules.js'
import type { PowerState } from '../power/machine.js'
import type { LearntMoveCost } from '../store/move-costs.js'
import { newHostRecord, withReport } from './host-record.js'
import type { HostRecord } from './host-record.js'
import { againstDisks, diskUses } from './shared-disks.js'
import { buildSnapshot } from './snapshot.js'
import { againstMove } from './claims.js'
import type { Judge } from './claims.js'
import { Evidence } from './evidence.js'
import type { Proven } from './evidence.js'
import { whereabouts } from './owners.js'
import type { Whereabouts } from './owners.js'

/** What the coordinator itself knows of a VM; reports cannot change it. */
export interface VmNote {
  /** Highest epoch that one of our moves certified. */
  epoch: Epoch
  /** The host that owns it at that epoch. */
  owner?: HostId | undefined
  busy?: MoveId | undefined
  /** The last one that ended: a report from before it was closed says otherwise for some seconds. */
  endedMove?: MoveId | undefined
  /** Where that move takes it. */
  movingTo?: HostId | undefined
  lastMovedAt?: Ms | undefined
  lastTriedAt?: Ms | undefined
  /** When somebody else moved it, in words with where. */
  foreign?: { at: Ms; text: string } | undefined
  pinned: boolean
}

/** With an owner: what certifies it, in words, and who has given the VM up for it. */
export type VmNoteChange = Partial<VmNote> & Partial<Pick<Proven, 'by' | 'gaveUp' | 'released'>>

/** What the coordinator itself knows of a host. */
export interface HostNote {
  power: PowerState
  drained?: boolean
}

export interface FleetOptions {
  clock: Clock
  sites: readonly SiteConfig[]
  power: HostPowerModel
  /** A meter older than this is stale. */
  meterStaleMs: Ms
  /** Names or uuids of VMs that the config pins. */
  pinned: readonly string[]
  /** Names and uuids of VMs that may move by save and restore. */
  regular: readonly string[]
  rules: readonly VmRule[]
  /** Watts of hosts that are not like `power`. */
  hostModels: ReadonlyMap<HostId, HostPowerModel>
  /** How long a VM that somebody else moved is left alone. */
  foreignRestMs: Ms
  /** What the moves of each VM took. */
  moveCosts: () => ReadonlyMap<VmId, LearntMoveCost>
}

export interface DoubleSighting {
  vm: VmId
  name: string
  hosts: HostId[]
}

export class Fleet {
  readonly #options: FleetOptions
  #hosts = new Map<HostId, HostRecord>()
  readonly #vms = new Map<VmId, VmNote>()
  /** Called after each change; the parameter says whether where or whether something runs may have changed. */
  onChange: (important: boolean) => void = () => {}
  readonly evidence = new Evidence()
  /** What is known of hosts beside their reports. */
  judge: Omit<Judge, 'evidence'> = { off: () => false, dropped: () => false, vouched: () => false }
  readonly #hostNotes = new Map<HostId, HostNote>()
  #cached: { at: Ms; snapshot: Snapshot } | undefined
  #places: Map<VmId, Whereabouts> | undefined

  constructor(options: FleetOptions) {
    this.#options = options
  }

  /** A session of this host has begun. */
  arrived(host: HostId, site: SiteId, key: string, bootId: string): void {
    const before = this.#hosts.get(host) ?? newHostRecord(host, site, key, bootId)
    this.#put({ ...before, site, key, bootId, connected: true })
    this.#changed(true)
  }

  left(host: HostId): void {
    const before = this.#hosts.get(host)
    if (!before?.connected) return
    this.#put({ ...before, connected: false })
    this.#changed(true)
  }

  /** Takes a report into the state, unless the state is newer. */
  report(report: Report): void {
    const before = this.#hosts.get(report.host)
    if (!before) return
    const after = withReport(before, report, Math.round(this.#options.clock.wall()))
    if (after === before) return
    this.#put(after)
    this.#changed(report.domains !== undefined || report.lost !== undefined || before.facts === undefined)
  }

  /** Puts back what was stored before a restart, as of then: nobody is connected. */
  restore(record: HostRecord): void {
    this.#put({ ...record, connected: false, cpu: [] })
    this.#forgetCaches()
  }

  forget(host: HostId): void {
    this.#hosts = new Map([...this.#hosts].filter(([id]) => id !== host))
    this.#changed(true)
  }

  note(vm: VmId, { by, gaveUp, released, ...change }: VmNoteChange): void {
    const before = this.noteOf(vm)
    // Epochs and times only rise, in whatever order they become known: a journal lists its moves by id.
    const risen = Object.fromEntries(
      (['epoch', 'lastMovedAt', 'lastTriedAt'] as const).flatMap(key => {
        const known = [before[key], change[key]].filter(value => value !== undefined)
        return known.length > 0 ? [[key, Math.max(...known)]] : []
      }),
    )
    const owner = (change.epoch ?? -1) >= before.epoch ? (change.owner ?? before.owner) : before.owner
    if (change.owner !== undefined && change.epoch !== undefined)
      this.evidence.prove(vm, {
        ...{ epoch: change.epoch, owner: change.owner, by: by ?? 'our journal' },
        gaveUp: gaveUp ?? [],
        ...(released && { released }),
      })
    this.#vms.set(vm, { ...before, ...change, ...risen, owner })
    this.#changed(true)
  }

  noteOf(vm: VmId): VmNote {
    return this.#vms.get(vm) ?? { epoch: 0, pinned: false }
  }

  noteHost(host: HostId, change: Partial<HostNote>): void {
    this.#hostNotes.set(host, { ...this.hostNote(host), ...change })
    this.#changed(true)
  }

  hostNote(host: HostId): HostNote {
    return this.#hostNotes.get(host) ?? { power: 'awake' }
  }

  /** Such a pin is taken off in the config only. */
  pinnedByConfig({ uuid, name }: Pick<VmState, 'uuid' | 'name'>): boolean {
    return this.#options.pinned.some(word => word === name || word === uuid)
  }

  /** What is known beside reports has changed. */
  reconsider(): void {
    this.#changed(true)
  }

  host(id: HostId): HostRecord | undefined {
    return this.#hosts.get(id)
  }

  hosts(): HostRecord[] {
    return [...this.#hosts.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  places(): Map<VmId, Whereabouts> {
    this.#places ??= whereabouts(this.#hosts.values(), (vm, host) => ({
      standing: this.evidence.standing(vm, host.id),
      settled: this.evidence.certified(vm) !== undefined && this.noteOf(vm).movingTo !== host.id,
      dropped: this.judge.dropped(host, vm),
    }))
    return this.#places
  }

  /** VMs that connected hosts report as running at more than one place. */
  doubles(): DoubleSighting[] {
    return [...this.places()]
      .filter(([, place]) => place.runningAt.length > 1)
      .map(([vm, place]) => ({ vm, name: place.owner.domain.name, hosts: place.runningAt }))
  }

  /** A frozen view; the same object until something changes or time passes. */
  snapshot(): Snapshot {
    const at = Math.round(this.#options.clock.wall())
    if (this.#cached?.at !== at) {
      const hosts = this.hosts()
      const judge = { ...this.judge, evidence: this.evidence }
      const uses = diskUses(hosts, judge)
      const snapshot = buildSnapshot({
        ...this.#options,
        at,
        hosts,
        places: this.places(),
        noteOf: vm => this.noteOf(vm),
        hostNoteOf: host => this.hostNote(host),
        pinnedByConfig: vm => this.pinnedByConfig(vm),
        against: (vm, at, config) => {
          const busy = this.noteOf(vm).busy !== undefined
          const disks = config && !busy ? againstDisks(config, at, uses, judge) : undefined
          return [...againstMove(vm, at, hosts, judge, busy), ...(disks === undefined ? [] : [disks])]
        },
      })
      this.#cached = { at, snapshot }
    }
    return this.#cached.snapshot
  }

  #put(record: HostRecord): void {
    this.#hosts = new Map(this.#hosts).set(record.id, record)
  }

  #forgetCaches(): void {
    this.#cached = undefined
    this.#places = undefined
  }

  #changed(important: boolean): void {
    this.#forgetCaches()
    this.onChange(important)
  }
}
