/** What a simulated world is made of: plain values, so that a scenario can be written down and repeated. */
import type {
  GCO2eqPerKWh,
  BytesPerSecond,
  Fraction,
  HostId,
  MiB,
  Ms,
  SiteId,
  VmId,
  VmType,
  W,
} from '@heliotrope/shared'

export interface SiteSpec {
  id: SiteId
  name: string
  /** Degrees, north and east positive. */
  latitude: number
  longitude: number
  /** Solar panels' peak, at 1,000 W/m2 on the panel. */
  panelPeakW: W
  turbineRatedW: W
  gridIntensity: GCO2eqPerKWh
  /** What the site's line to the others carries, shared by the transfers on it. */
  linkBps: BytesPerSecond
  hosts: HostSpec[]
}

export interface HostSpec {
  id: HostId
  cpus: number
  memoryMiB: MiB
  idleW: W
  /** With all cores busy. */
  peakW: W
  /** What it draws on standby; absent: it cannot stand by. */
  standbyW?: W
  /** From the call to wake until its agent starts, at idle power. */
  wakeMs?: Ms
  virtCaps: string[]
  /** As `xl info` tells it. Default 4.20.0. */
  xenVersion?: string
}

export interface VmSpec {
  uuid: VmId
  name: string
  type: VmType
  memoryMiB: MiB
  vcpus: number
  /** Where it runs at the start. */
  host: HostId
  /** Mean share of its vcpus in use. */
  use: Fraction
  /** What a busy core of it draws against a mean one; instruction mixes differ. Default 1. */
  coreDraw?: Fraction
  /** How fast it writes to pages that were sent already. */
  dirtyMiBps: number
  /** What its config says of a crash. Default: preserve. */
  onCrash?: 'preserve' | 'restart'
  /** Its disk is a local one: it cannot move. */
  localDisk?: boolean
}

export interface WorldSpec {
  seed: number
  /** UTC. */
  startWall: Ms
  sites: SiteSpec[]
  vms: VmSpec[]
  /** One way, between any two sites. */
  delayMs: Ms
  /** The storage has persistent reservations, and hosts use them. */
  fenced?: boolean
}

/** Both hosts of a transfer draw this much more while it runs: card, cipher and copying. */
export const TRANSFER_W: W = 15
export const PORTAL = '192.0.2.10:3260'
export const BRIDGE = 'xenbr0'
