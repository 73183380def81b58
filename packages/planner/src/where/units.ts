/**
 * The fleet in hosts' worths: which share of a host a VM takes, and of how many hosts' worths each site has how many.
 * The first stage decides on these; one of them is what must move for a host to fall empty.
 */
import type { Ms, W, Wh } from '@heliotrope/shared'
import type { VmWork } from '../need/fleet-view.js'
import type { Fleet, HostModel, SiteModel } from '../need/site-model.js'
import { sum } from '../need/sums.js'

/** Part of a site's room, cheapest in watts first. */
export interface Segment {
  /** Units. */
  width: number
  /** Before PUE: what it draws as soon as it is used at all, and what each unit adds. */
  idleW: W
  unitW: W
}

/** Watts for each unit of a host that is filled. */
export const wattsPerUnit = ({ width, idleW, unitW }: Segment): W => unitW + idleW / width

export interface SiteUnits {
  model: SiteModel
  segments: Segment[]
  /** Units that are there now, as parts of whole ones: how much of a unit that stays is there already. */
  covered: number[]
  /** What the site draws with no unit there, PUE applied. */
  baseW: W
}

export interface Units {
  /** How many there are, all sites together. */
  total: number
  sites: SiteUnits[]
  /** Moving one: energy on the hosts and the network, and time. */
  unitWh: Wh
  unitMs: Ms
  sizeOf: (vm: VmWork) => number
  capacityOf: (host: HostModel) => number
  /** Sorted as hosts are filled: those that must be awake, then the fullest of the awake, then who must be woken. */
  order: (model: SiteModel) => HostModel[]
}

/** `packed`: the least number of hosts; `as-is`: each host in use is one unit, however full. */
export type Count = 'packed' | 'as-is'

const TINY = 1e-9
const NEARLY_ONE = 0.5

/** @returns undefined if no VM may move */
export function unitsOf(fleet: Fleet, count: Count): Units | undefined {
  const hosts = fleet.sites.flatMap(model => model.hosts)
  const movable = hosts.flatMap(host => host.movable)
  const targets = hosts.filter(host => host.target)
  if (movable.length === 0 || targets.length === 0) return undefined
  const { policy } = fleet.view
  const need = { mib: sum(movable.map(vm => vm.needMiB)), vcpus: sum(movable.map(vm => vm.vcpus)) }
  const room = (host: HostModel): { mib: number; vcpus: number } => ({
    // As if the VMs that may move were not there.
    mib: Math.max(0, host.host.freeMiB - policy.reserveMiB + sum(host.movable.map(vm => vm.needMiB))),
    vcpus: Math.max(0, host.host.freeVcpus + sum(host.movable.map(vm => vm.vcpus))),
  })
  const reference = median(targets.filter(host => host.sleepable).map(room)) ?? median(targets.map(room))
  if (reference === undefined || reference.mib <= 0 || reference.vcpus <= 0) return undefined
  const hostsWorth = Math.max(need.mib / reference.mib, need.vcpus / reference.vcpus)
  const byCpu = need.vcpus / reference.vcpus >= need.mib / reference.mib
  const raw = (vm: VmWork): number => (byCpu ? vm.vcpus / reference.vcpus : vm.needMiB / reference.mib)
  const rawRoom = (host: HostModel): number => {
    const { mib, vcpus } = room(host)
    return Math.min((mib * hostsWorth) / need.mib, (vcpus * hostsWorth) / need.vcpus)
  }
  const whole = hosts.some(host => host.sleepable)
  const used = (host: HostModel): boolean => host.movable.length > 0
  // A host in use, or one like it, takes one unit, be it a little smaller than the rest.
  const wholeRoom = (host: HostModel): number => {
    const own = host.target ? rawRoom(host) : 0
    return count === 'as-is' && own > NEARLY_ONE ? Math.max(1, own) : own
  }
  const wanted = !whole
    ? hostsWorth
    : count === 'packed'
      ? Math.ceil(hostsWorth - 1e-6)
      : hosts.filter(used).length
  const total = Math.min(wanted, sum(targets.map(wholeRoom)))
  if (total <= 0) return undefined
  const scale = total / hostsWorth
  const sizeOf = (vm: VmWork): number => raw(vm) * scale
  const dynamicW = sum(movable.map(vm => vm.state.powerW)) / total
  const order = (model: SiteModel): HostModel[] => [...model.hosts].sort((a, b) => fillOrder(a, b, raw))
  const hostsWh = sum(movable.map(vm => vm.cost.hostsWh)) / total
  const wanWh = sum(movable.map(vm => vm.cost.wanWh)) / total
  return {
    total,
    unitWh: hostsWh + wanWh,
    unitMs: sum(movable.map(vm => vm.cost.durationMs)) / total,
    sizeOf,
    capacityOf: wholeRoom,
    order,
    sites: fleet.sites.map(model => ({
      model,
      segments: segmentsOf(order(model), wholeRoom, dynamicW),
      covered:
        whole && count === 'as-is'
          ? model.hosts.filter(host => host.target && used(host)).map(() => 1)
          : parts(
              sum(
                model.hosts
                  .filter(host => host.target)
                  .flatMap(host => host.movable)
                  .map(sizeOf),
              ),
            ),
      baseW: baseW(model),
    })),
  }
}

/** What a site draws without the VMs that may move: who must be awake idles, the rest sleeps. */
function baseW(model: SiteModel): W {
  let watts = 0
  for (const { sleepable, host, fixed } of model.hosts)
    watts += (sleepable ? host.model.standbyW : host.model.idleW) + sum(fixed.map(vm => vm.state.powerW))
  return model.site.pue * watts + model.otherW
}

function segmentsOf(hosts: HostModel[], capacityOf: (host: HostModel) => number, dynamicW: W): Segment[] {
  const segments = hosts
    .map(host => {
      const width = capacityOf(host)
      const { idleW, standbyW } = host.host.model
      return { width, unitW: dynamicW, idleW: host.sleepable ? Math.max(0, idleW - standbyW) : 0 }
    })
    .filter(segment => segment.width > TINY)
  return segments.sort((a, b) => wattsPerUnit(a) - wattsPerUnit(b))
}

function fillOrder(a: HostModel, b: HostModel, raw: (vm: VmWork) => number): number {
  const rank = (host: HostModel): number =>
    !host.sleepable ? 0 : host.host.state.powerState === 'standby' ? 2 : 1
  const load = (host: HostModel): number => sum(host.movable.map(raw))
  return rank(a) - rank(b) || load(b) - load(a) || (a.host.state.id < b.host.state.id ? -1 : 1)
}

/** 2.3 as 1, 1, 0.3. */
function parts(amount: number): number[] {
  const whole = Math.floor(amount + TINY)
  const rest = amount - whole
  return [...Array<number>(whole).fill(1), ...(rest > TINY ? [rest] : [])]
}

function median(rooms: { mib: number; vcpus: number }[]): { mib: number; vcpus: number } | undefined {
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] as number
  if (rooms.length === 0) return undefined
  return { mib: middle(rooms.map(room => room.mib)), vcpus: middle(rooms.map(room => room.vcpus)) }
}
