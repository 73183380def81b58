/**
 * What the agent and its movers need from a host. drivers/xen, drivers/storage and drivers/meter implement these on a
 * dom0; packages/simulator implements the same on virtual time, ugly states included.
 */
import type {
  Disk,
  Domain,
  Exec,
  Finding,
  HostFacts,
  MeterRole,
  Ms,
  PowerState,
  RunState,
  VmConfig,
  VmId,
  W,
} from '@heliotrope/shared'

/** One domain as the hypervisor lists it now. */
export interface DomainSeen {
  domid: number
  uuid: VmId
  name: string
  state: RunState
  memoryMiB: number
  vcpus: number
  /** Since the domain was made. */
  cpuS: number
}

/** The config a domain was made with, and why it cannot move live, or not even by save and restore. */
export interface Inspected {
  config: VmConfig
  liveBlockers: string[]
  regularBlockers: string[]
}

/** The hypervisor of this host: the truth about what runs here. Every call asks anew; all are idempotent. */
export interface Hypervisor {
  /** All domains but dom0, and dom0's own CPU seconds. */
  list(): Promise<{ domains: DomainSeen[]; dom0CpuS: number }>
  /** By uuid, never by name. More than one is possible: libxl does not check that uuids are unique. */
  find(uuid: VmId): Promise<DomainSeen[]>
  inspect(domid: number): Promise<Inspected>
  facts(): Promise<Omit<HostFacts, 'moverAddress' | 'portals'>>
  /** No-op if the domain has that name already. */
  rename(domid: number, name: string): Promise<void>
  pause(domid: number): Promise<void>
  unpause(domid: number): Promise<void>
  /** Resumes a domain that is suspended, as after a migration that did not happen. */
  resume(domid: number): Promise<void>
  destroy(domid: number): Promise<void>
  /** No request of this domain is queued or in flight at its block backends any more. */
  drained(domid: number): Promise<boolean>
  /** Calls back when a domain may have come, gone, or changed; may be spurious. */
  watch(changed: () => void): { stop(): void }
}

/** Disks that several hosts can reach. Each call is idempotent, and `attach` twice is attach once. */
export interface Storage {
  /**
   * Makes the disk's block device appear on this host; resolves when its path exists.
   * @param vm whose disk it is to be: a disk of this host's own is given to that VM alone @throws refused | exec-failed
   */
  attach(disk: Disk, vm: VmId): Promise<void>
  /** Takes it away; a disk that is not attached is no error. Never while a domain here uses it. */
  detach(disk: Disk): Promise<void>
  attached(disk: Disk): Promise<boolean>
  /** Absent: nothing keeps another host from writing. */
  readonly fence?: Fence
}

/**
 * `pr`: SCSI-3 persistent reservations, which also decide between two hosts that cannot see each other. `acl`: the target's
 * list of initiators, which keeps a host out and decides nothing. `none`: all hosts may write.
 */
export type FenceKind = 'pr' | 'acl' | 'none'

/** 16 hex digits: the name under which a host of one move may write to a disk. */
export type FenceKey = string

/** Who may write to a disk that several hosts can reach. Idempotent; what was done is read back before it is believed. */
export interface Fence {
  /** What there is for this disk, which must be attached. */
  kind(disk: Disk): Promise<FenceKind>
  /** Lets this host in under a key, in place of an earlier one of its own. */
  register(disk: Disk, key: FenceKey): Promise<void>
  /** Registered as it was; false if somebody has evicted it. */
  holds(disk: Disk, key: FenceKey): Promise<boolean>
  /** Keeps hosts that are not registered from writing. @throws refused if the disk is kept by another host's key */
  reserve(disk: Disk, key: FenceKey): Promise<void>
  /** Evicts `other`, unless `own` has been evicted: of two that try it, one succeeds. @returns whether it is ours now */
  takeOver(disk: Disk, own: FenceKey, other: FenceKey): Promise<boolean>
  /** Lets this host in and evicts all others. Only for a host that owns the VM whatever the storage says. */
  takeBack(disk: Disk, key: FenceKey): Promise<void>
  /** Gives up what this host has. */
  release(disk: Disk): Promise<void>
}

export interface Reading {
  valueW: W
  /** When it was true, wall clock. */
  at: Ms
  /** Calculated from something else than watts. */
  estimated?: boolean
  /** Maker, model and serial of what is measured, so that two agents that read it know it as one. */
  device?: string
}

/** Something that measures power. */
export interface Meter {
  readonly name: string
  readonly role: MeterRole
  /** One reading in watts. @throws meter-failed */
  read(signal: AbortSignal): Promise<Reading>
  stop(): Promise<void>
}

/**
 * Power of another host, from outside it. There is no `off`: a host goes down by itself, when its agent is told to and
 * finds nothing running (execute/standby.ts).
 */
export interface PowerDriver {
  /** What its management controller says; `unknown` where nobody can be asked. */
  status(): Promise<PowerState>
  /** Returns when the order was taken; a host that is on stays as it is. */
  on(): Promise<void>
}

/** One check of `heliotrope-agent doctor`. */
export type Check = () => Promise<Finding[]>

export type { Domain, Exec }
