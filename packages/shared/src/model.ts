/**
 * What agents see and the coordinator knows, as plain values. Types only: the checks of what comes over the wire are in
 * protocol/*-schema.ts, and compile only as long as they fit these.
 */
import type { Epoch, HostId, MoveId, SiteId, VmId } from './ids.js'
import type { Bytes, BytesPerSecond, GCO2eqPerKWh, MiB, Ms, W, Wh } from './units.js'

export type VmType = 'pv' | 'pvh' | 'hvm'

/**
 * What the hypervisor says a domain does. `suspended` is Xen's shutdown with reason suspend (`---ss-`); a domain that
 * ended and is kept has one of the three last.
 */
export type RunState = 'running' | 'paused' | 'suspended' | 'dying' | 'poweroff' | 'reboot' | 'crashed'

/** Where a disk's blocks are, so that another host can reach the same blocks. */
export type DiskSource =
  { kind: 'iscsi'; portal: string; iqn: string; lun: number } | { kind: 'local'; path: string }

export interface Disk {
  /** As the guest sees it: `xvda`. */
  vdev: string
  /** The block device in dom0 that Xen is given. */
  path: string
  readonly: boolean
  source: DiskSource
}

export interface Vif {
  mac: string
  bridge: string
}

export type OnEnd =
  'destroy' | 'restart' | 'preserve' | 'rename-restart' | 'coredump-destroy' | 'coredump-restart'

/** What makes this VM this VM; its hash is in the grant, and the target accepts nothing else. */
export interface VmConfig {
  uuid: VmId
  name: string
  type: VmType
  memoryMiB: MiB
  maxMemoryMiB: MiB
  vcpus: number
  disks: Disk[]
  vifs: Vif[]
  onPoweroff: OnEnd
  onReboot: OnEnd
  onCrash: OnEnd
}

export interface Domain {
  domid: number
  uuid: VmId
  /** As the hypervisor has it now; during a move with `--incoming` or `--migratedaway`. */
  name: string
  state: RunState
  memoryMiB: MiB
  vcpus: number
  /** Since the domain was made, on this host. */
  cpuS: number
  /** Absent while it cannot be read (a domain being built). */
  config?: VmConfig
  /** The highest epoch this host's journal certifies for the VM; 0 if Heliotrope never moved it here. */
  epoch: Epoch
  /** Why it cannot be moved live from here, in words for people; empty if it can. */
  liveBlockers: string[]
  /** Why it cannot be saved and restored elsewhere either: all of `liveBlockers` but what only a running copy needs. */
  regularBlockers: string[]
  /** A move of this VM is under way here. */
  move?: MoveId
}

export interface HostFacts {
  xenVersion: string
  /** What the hypervisor can do: of `pv`, `hvm`, `hap`, `shadow`, `pv_shim`, … (`virt_caps` and `xen_caps`). */
  virtCaps: string[]
  cpus: number
  cpuMHz: number
  totalMemoryMiB: MiB
  /** Free for new domains, claims taken off. */
  freeMemoryMiB: MiB
  bridges: string[]
  /** iSCSI portals (`address:port`) that the operator lets this host log in to. */
  portals: string[]
  /** Where other hosts' movers reach this one. */
  moverAddress: string
  model?: string
  /** How its config lets it stand by when it is told to; absent: not at all. */
  standby?: StandbyMode
  /** Hosts that this one has the means to wake (its config names management controller or network card). */
  wakes?: HostId[]
  /** Where its agent answers the agents of other hosts, at `moverAddress`; absent: nowhere. */
  peerPort?: number
}

/** How a host stands by: `suspend` keeps its memory (ACPI S3) and wakes in seconds, `poweroff` boots again. */
export type StandbyMode = 'suspend' | 'poweroff'

/** What a management controller says of a host's power. */
export type PowerState = 'on' | 'off' | 'unknown'

export type Quality = 'measured' | 'estimated' | 'stale' | 'constant'
export type MeterRole = 'green-power' | 'host-power' | 'load'

export interface Sample {
  meter: string
  role: MeterRole
  valueW: W
  at: Ms
  quality: Quality
  /** What is measured, the same for every agent that reads it: `id` of the config, or maker, model and serial. */
  device?: string
}

export interface Alarm {
  /** Stable while the cause lasts: `foreign-suspended/UUID`. */
  key: string
  state: 'raised' | 'cleared'
  text: string
  remedy: string
  at: Ms
}

export interface Finding {
  check: string
  level: 'ok' | 'warn' | 'fail' | 'skip'
  text: string
  remedy?: string
}

export type MoveRole = 'source' | 'target'

export interface MoveProgress {
  move: MoveId
  vm: VmId
  role: MoveRole
  /** Last journal record of this side. */
  record: string
  phase: 'preparing' | 'connecting' | 'copying' | 'handover' | 'recovering' | 'waiting' | 'closed'
  bytes: Bytes
  rateBps: BytesPerSecond
  pages: number
  /** Pages sent again after they were sent once. */
  dirtiedPages: number
  round: number
  /** Pages of the first full pass that are still to come, as far as known. */
  remainingPages: number
  startedAt: Ms
  text: string
}

/** What an agent tells. Complete on connect (`full`), then only what changed since the last. */
export interface Report {
  host: HostId
  site: SiteId
  bootId: string
  /** Numbered per boot, from 1; a gap means the buffer overflowed. */
  seq: number
  at: Ms
  full: boolean
  facts?: HostFacts
  /** All domains but dom0, whenever one of them changed. */
  domains?: Domain[]
  samples: Sample[]
  /** CPU seconds since start of every domain, dom0 as `dom0`. */
  cpuS: Record<string, number>
  moves: MoveProgress[]
  alarms: Alarm[]
  findings?: Finding[]
  /** VMs that died with an earlier boot of this host, all of them whenever that changed. */
  lost?: LostVm[]
}

/** A VM whose memory died with this host, by this host's own journal: it ran here in an earlier boot, as its owner. */
export interface LostVm {
  vm: VmId
  name: string
  /** At which this host owned it. */
  epoch: Epoch
  /** False: it had just vanished when the host went down, and nobody can say whether its guest had ended. */
  certain: boolean
  /** When it was last seen, as far as known. */
  seenAt?: Ms
  config?: VmConfig
}

/** A site as the coordinator's config declares it. */
export interface SiteConfig {
  id: SiteId
  name: string
  latitude: number
  longitude: number
  /** gCO2eq/kWh of the grid there, average; series come with the forecasts. */
  gridIntensity: GCO2eqPerKWh
  mode: Mode
  /** Absent: off. */
  standby?: SiteStandby
  /** Absent: 0. */
  awakeFloor?: number
  /** Absent: 1. */
  pue?: number
}

/** What the coordinator may do by itself at a site. */
export type Mode = 'observe' | 'recommend' | 'auto'

/** Whether empty hosts of a site may sleep: never, as advice to people, or by the coordinator itself. */
export type SiteStandby = 'off' | 'recommend' | 'auto'

/** `going` and `waking` are on their way; `unknown` takes no part in anything. */
export type HostPowerState = 'awake' | 'going' | 'standby' | 'waking' | 'unknown'

/** What a host draws: idle + (peak - idle) x busy cores / cores. */
export interface HostPowerModel {
  idleW: W
  peakW: W
  standbyW: W
  /** From the order to wake until it takes VMs. */
  wakeMs: Ms
}

/** Learnt from moves of one VM that ended well: means, with as many as `moves` behind them. */
export interface MeasuredMoveCost {
  moves: number
  durationMs: Ms
  bytes: Bytes
  downtimeMs: Ms
  /** Both hosts together. */
  energyWh: Wh
}

export interface HostState {
  id: HostId
  site: SiteId
  connected: boolean
  lastReportAt: Ms
  bootId: string
  facts: HostFacts
  domains: Domain[]
  /** Latest watts of the whole host; undefined without a meter. */
  powerW?: W
  /** Of these, what it draws with nothing to do; the rest is shared among dom0 and its VMs (`VmState.powerW`). */
  idleW?: W
  /** dom0's own share of the rest. */
  dom0W?: W
  findings: Finding[]
  moves: MoveProgress[]
  /** Absent: awake as long as it is connected. */
  powerState?: HostPowerState
  /** Absent: the policy's. */
  powerModel?: HostPowerModel
  /** It can be put to standby and woken again (a driver is set up for it, and it was not seen to fail). */
  canStandby?: boolean
  /** What its CPU offers to guests; absent: not known, and not compared. */
  cpuFeatures?: string[]
  /** Drained or in maintenance: its VMs leave it, and it gets none. */
  draining?: boolean
}

/** One meter of a site. */
export interface SiteMeter {
  /** As its agents name it. */
  meter: string
  role: MeterRole
  device?: string
  /** Agents that read it; counted once. */
  hosts: HostId[]
  /** Absent if it cannot be trusted now. */
  valueW?: W
  quality: Quality
  at: Ms
  /** What a person should know: its readers do not agree. */
  note?: string
}

export interface SiteState {
  id: SiteId
  name: string
  mode: Mode
  gridIntensity: GCO2eqPerKWh
  /** Latest green power of the site, summed over its meters; undefined if no meter can be trusted now. */
  greenW?: W
  greenQuality: Quality | 'missing'
  /** What the two figures come from: each meter once, however many agents read it. */
  meters?: SiteMeter[]
  /** Power its hosts draw now. */
  loadW: W
  /** Absent: off. */
  standby?: SiteStandby
  /** Hosts that stay awake there, come what may. Absent: 0. */
  awakeFloor?: number
  /** Watts of the whole site for each watt of its hosts. Absent: 1. */
  pue?: number
}

export interface VmState {
  uuid: VmId
  name: string
  host: HostId
  site: SiteId
  state: RunState
  config?: VmConfig
  memoryMiB: MiB
  /** Share of the host's dynamic power by CPU time; idle power is stated apart. */
  powerW: W
  liveBlockers: string[]
  regularBlockers: string[]
  /** The operator lets plans move it so, where it cannot move live. Absent: no. */
  regularAllowed?: boolean
  /** Owner epoch as the coordinator has certified it. */
  epoch: Epoch
  busy?: MoveId
  /** Where that move takes it. */
  movingTo?: HostId
  /** The operator's pin: never moved by the planner. */
  pinned: boolean
  lastMovedAt?: Ms
  /** When a move of it last ended without moving it. */
  lastTriedAt?: Ms
  /** MiB a second that the guest writes to, where measured. */
  dirtyMiBps?: number
  moveCost?: MeasuredMoveCost
  /** What it may use of its CPU since it was started; absent: all that the host has where it is. */
  cpuFeatures?: string[]
  /** Groups whose VMs run at one site (`together`) or on different hosts each (`apart`), by name. */
  together?: string[]
  apart?: string[]
  /** The only sites where it may run. Absent: all. */
  allowedSites?: SiteId[]
  /** Somebody else moves it now. In words. */
  foreignMove?: string
  /** Somebody else moved it lately: left alone, except by an order by hand. In words, with the time. */
  foreignRest?: string
}

/** A frozen, dated view of the fleet: the only thing a planner sees. */
export interface Snapshot {
  at: Ms
  sites: SiteState[]
  hosts: HostState[]
  vms: VmState[]
}
