/** The backtest's world as the planner sees a fleet: the same snapshot that a coordinator would take. */
import type { HostState, SiteState, Snapshot, VmState, W } from '@heliotrope/shared'
import type { HostId, SiteId, VmId } from '@heliotrope/shared'
import { SECOND } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { defaultPolicy } from '@heliotrope/planner'
import type { Policy as PlannerPolicy } from '@heliotrope/planner'
import { VCPUS_PER_CORE } from '../world/arrangement.js'
import type { Facts } from '../world/known.js'
import type { View } from './policy.js'

/** A day's mean says more of the hours to come than the last hour does, and sees through the hour of the day. */
const LOAD_HOURS = 24
/** Page tables of a VM, by the planner's rule: a 64th of its memory. The format's hosts take VMs up to their memory. */
const WITH_TABLES = 1 + 1 / 64
const PORTAL = 'storage:3260'

export const hostId = (facts: Facts, host: number): HostId => {
  const site = facts.siteOfHost[host]!
  return `${facts.sites[site]!.id}/${String(host - facts.firstHost[site]!).padStart(3, '0')}` as HostId
}
export const siteId = (facts: Facts, site: number): SiteId => facts.sites[site]!.id as SiteId
export const vmId = (facts: Facts, vm: number): VmId => facts.vms[vm]!.id as VmId

/** The defaults of the product, with the scenario's hosts, links and costs; how much may move at once is the world's affair. */
export function policyFor({ host, migration }: Facts): PlannerPolicy {
  return {
    ...defaultPolicy,
    maxConcurrentMoves: 1_000_000,
    maxMovesPerHour: 1_000_000,
    reserveMiB: 0,
    vcpusPerCpu: VCPUS_PER_CORE,
    transferBps: (migration.linkMbitS * 1e6) / 8,
    moveJoulesFixed: migration.hostJoulesFixed,
    moveJoulesPerMiB: migration.hostJoulesPerMiB,
    wanWhPerGiB: migration.wanWhPerGiB,
    hostPower: powerModel(host),
  }
}

const powerModel = (host: Facts['host']): PlannerPolicy['hostPower'] => ({
  idleW: host.idleW,
  peakW: host.peakW,
  standbyW: host.standbyW,
  wakeMs: host.wakeS * SECOND,
})

/** @param movedAt for each VM when its last move ended; -Infinity: never */
export function snapshotOf(view: View, movedAt: Float64Array): Snapshot {
  const { facts, known, arrangement } = view
  const vmW = facts.vms.map((_, vm) => busyW(view, vm))
  const hostW = Array.from(arrangement.count, count =>
    count > 0 || !facts.standby ? facts.host.idleW : facts.host.standbyW,
  )
  arrangement.hostOf.forEach((host, vm) => (hostW[host]! += vmW[vm]!))
  return {
    at: known.now,
    sites: facts.sites.map((_, site) => siteState(view, site, hostW)),
    hosts: hostW.map((powerW, host) => hostState(view, host, powerW)),
    vms: facts.vms.map((_, vm) => vmState(view, vm, vmW[vm]!, movedAt[vm]!)),
  }
}

/** What its vCPUs drew, a mean over the last day; 0 while nothing is known. */
function busyW({ facts, known }: View, vm: number): W {
  const load = known.load[vm]!.slice(-LOAD_HOURS)
  if (load.length === 0) return 0
  const { cores, idleW, peakW } = facts.host
  const mean = load.reduce((sum, share) => sum + share, 0) / load.length
  return ((peakW - idleW) / cores) * facts.vms[vm]!.vcpus * mean
}

function siteState({ facts, known }: View, site: number, hostW: readonly W[]): SiteState {
  const last = known.past[site]!.at(-1)
  const ofSite = (host: number): boolean => facts.siteOfHost[host] === site
  return {
    id: siteId(facts, site),
    name: facts.sites[site]!.id,
    mode: 'auto',
    gridIntensity: last?.gridGPerKWh ?? 0,
    greenW: (last?.solarW ?? 0) + (last?.windW ?? 0),
    greenQuality: 'measured',
    loadW: hostW.filter((_, host) => ofSite(host)).reduce((sum, watts) => sum + watts, 0),
    standby: facts.standby ? 'auto' : 'off',
    awakeFloor: 0,
    pue: facts.pue,
  }
}

function hostState({ facts, known, arrangement }: View, host: number, powerW: W): HostState {
  const { cores, memoryMiB } = facts.host
  const asleep = facts.standby && arrangement.count[host] === 0
  return {
    id: hostId(facts, host),
    site: siteId(facts, facts.siteOfHost[host]!),
    connected: !asleep,
    lastReportAt: known.now,
    bootId: 'backtest',
    facts: {
      xenVersion: '',
      virtCaps: ['hvm', 'hap'],
      cpus: cores,
      cpuMHz: 2000,
      totalMemoryMiB: memoryMiB,
      freeMemoryMiB: Math.floor((memoryMiB - arrangement.memoryMiB[host]!) * WITH_TABLES),
      bridges: [],
      portals: [PORTAL],
      moverAddress: '',
    },
    domains: [],
    powerW,
    findings: [],
    moves: [],
    powerState: asleep ? 'standby' : 'awake',
    powerModel: powerModel(facts.host),
    canStandby: facts.standby,
  }
}

function vmState({ facts, arrangement }: View, vm: number, powerW: W, movedAt: Ms): VmState {
  const { id, memoryMiB, vcpus, dirtyMiBps } = facts.vms[vm]!
  const host = arrangement.hostOf[vm]!
  return {
    uuid: vmId(facts, vm),
    name: id,
    host: hostId(facts, host),
    site: siteId(facts, facts.siteOfHost[host]!),
    state: 'running',
    config: {
      uuid: vmId(facts, vm),
      name: id,
      type: 'hvm',
      memoryMiB,
      maxMemoryMiB: memoryMiB,
      vcpus,
      disks: [],
      vifs: [],
      onPoweroff: 'destroy',
      onReboot: 'restart',
      onCrash: 'destroy',
    },
    memoryMiB,
    powerW,
    liveBlockers: [],
    regularBlockers: [],
    epoch: 0,
    pinned: false,
    dirtyMiBps,
    ...(Number.isFinite(movedAt) && { lastMovedAt: movedAt }),
  }
}
