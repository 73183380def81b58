/**
 * The snapshot made ready for deciding: found by id, in the order of the ids, with the moves in flight counted at their
 * ends, and changed by each move that the plan takes up, so that the next candidate sees what is left.
 */
import type {
  HostId,
  HostPowerModel,
  HostState,
  MiB,
  Ms,
  SiteId,
  SiteState,
  Snapshot,
  VmId,
  VmState,
  W,
} from '@heliotrope/shared'
import type { SiteForecast } from '../forecast/types.js'
import type { Policy, Reason, SiteView } from '../types.js'
import { forecastReason } from './forecast-reason.js'
import { moveCost } from './move-cost.js'
import type { MoveCost } from './move-cost.js'
import { hostVcpus, powerModel, vmNeedMiB, vmVcpus } from './sizes.js'
import { byId, byText } from './sums.js'
import { trustedGreenW } from './trusted-green.js'

export interface SiteWork {
  state: SiteState
  greenW: W | undefined
  loadW: W
  pue: number
  /** Why nothing is decided by gain there; undefined without forecasts, too. */
  out: Reason | undefined
  /** In the order of their ids. */
  hosts: HostWork[]
}

export interface HostWork {
  state: HostState
  site: SiteWork
  model: HostPowerModel
  freeMiB: MiB
  freeVcpus: number
  /** Where they are, or are on their way to; changed with each move of the plan. In the order of their ids. */
  vms: Set<VmWork>
}

export interface VmWork {
  state: VmState
  needMiB: MiB
  vcpus: number
  cost: MoveCost
  /** Where it is by now, with the plan's moves; undefined if the snapshot does not know that host. */
  on: HostWork | undefined
}

export interface FleetView {
  at: Ms
  policy: Policy
  sites: Map<SiteId, SiteWork>
  hosts: Map<HostId, HostWork>
  vms: Map<VmId, VmWork>
  /** Members of each group, by `together/NAME` and `apart/NAME`. */
  groups: Map<string, VmWork[]>
  /** Moves under way. */
  inFlight: number
  movesInLastHour: number
  /** When the last move that ended did so. */
  lastMovedAt: Ms | undefined
}

const HOUR: Ms = 3_600_000

/** @param forecasts absent: sites are not judged by them */
export function fleetView(
  snapshot: Snapshot,
  policy: Policy,
  forecasts?: readonly SiteForecast[],
): FleetView {
  const moved = snapshot.vms.flatMap(vm => vm.lastMovedAt ?? [])
  const forecastOf = new Map(forecasts?.map(forecast => [forecast.site, forecast]))
  const sites = new Map(
    [...snapshot.sites].sort(byId).map(state => [
      state.id,
      {
        state,
        greenW: trustedGreenW(state),
        loadW: state.loadW,
        pue: state.pue ?? 1,
        out: forecasts && forecastReason(state, forecastOf.get(state.id), snapshot.at, policy),
        hosts: [],
      } as SiteWork,
    ]),
  )
  const hosts = new Map<HostId, HostWork>()
  for (const state of [...snapshot.hosts].sort(byId)) {
    const site = sites.get(state.site)
    // A host of a site that the config does not know has no place in any decision.
    if (site === undefined) continue
    const host: HostWork = {
      state,
      site,
      model: powerModel(policy, state),
      freeMiB: state.facts.freeMemoryMiB,
      freeVcpus: hostVcpus(policy, state),
      vms: new Set(),
    }
    site.hosts.push(host)
    hosts.set(state.id, host)
  }
  const view: FleetView = {
    at: snapshot.at,
    policy,
    sites,
    hosts,
    vms: new Map(),
    groups: new Map(),
    inFlight: new Set(snapshot.vms.flatMap(vm => vm.busy ?? [])).size,
    movesInLastHour: Math.max(
      policy.movesInLastHour ?? 0,
      moved.filter(at => snapshot.at - at < HOUR).length,
    ),
    lastMovedAt: moved.length === 0 ? undefined : moved.reduce((last, at) => Math.max(last, at)),
  }
  for (const state of [...snapshot.vms].sort((a, b) => byText(a.uuid, b.uuid))) addVm(view, state)
  return view
}

function addVm(view: FleetView, state: VmState): void {
  const vm: VmWork = {
    state,
    needMiB: vmNeedMiB(state),
    vcpus: vmVcpus(state),
    cost: moveCost(view.policy, state),
    on: view.hosts.get(state.host),
  }
  view.vms.set(state.uuid, vm)
  vm.on?.vms.add(vm)
  if (vm.on) vm.on.freeVcpus -= vm.vcpus
  for (const key of groupsOf(state)) view.groups.set(key, [...(view.groups.get(key) ?? []), vm])
  if (state.busy === undefined) return
  const target = [...view.hosts.values()].find(host => host !== vm.on && isTarget(host.state, state))
  if (!target) return
  shift(vm, target)
  // The copy holds its memory from the first page on (claim_mode): the host's free memory is less by it already.
  if (target.state.domains.some(domain => domain.uuid === state.uuid)) target.freeMiB += vm.needMiB
}

export const groupsOf = (vm: VmState): string[] => [
  ...(vm.together ?? []).map(name => `together/${name}`),
  ...(vm.apart ?? []).map(name => `apart/${name}`),
]

/** As the coordinator ordered it, else as the hosts report it, which is a little later. */
const isTarget = (host: HostState, vm: VmState): boolean =>
  vm.movingTo === host.id ||
  host.moves.some(move => move.move === vm.busy && move.role === 'target') ||
  host.domains.some(domain => domain.uuid === vm.uuid)

/**
 * Counts a move as done for loads and places; what the source holds of memory and CPUs is not free before the move has
 * ended, so that the moves of a plan can start in any order.
 */
export function shift(vm: VmWork, target: HostWork): void {
  target.freeMiB -= vm.needMiB
  target.freeVcpus -= vm.vcpus
  target.vms.add(vm)
  vm.on?.vms.delete(vm)
  if (vm.on) vm.on.site.loadW -= vm.state.powerW
  target.site.loadW += vm.state.powerW
  vm.on = target
}

/** Takes a move of this plan back. */
export function unshift(vm: VmWork, home: HostWork): void {
  const from = vm.on as HostWork
  from.freeMiB += vm.needMiB
  from.freeVcpus += vm.vcpus
  from.vms.delete(vm)
  home.vms.add(vm)
  from.site.loadW -= vm.state.powerW
  home.site.loadW += vm.state.powerW
  vm.on = home
}

export const headroomW = (site: SiteWork): W | undefined =>
  site.greenW === undefined ? undefined : site.greenW - site.loadW

export function siteView(site: SiteWork): SiteView {
  const headroom = headroomW(site)
  const { greenW, loadW } = site
  const used = site.hosts.filter(host => host.vms.size > 0).length
  return {
    id: site.state.id,
    loadW,
    ...(greenW !== undefined && { greenW }),
    ...(headroom !== undefined && { headroomW: headroom }),
    ...(site.out && { out: site.out }),
    hostsNow: used,
    hostsPlanned: used,
  }
}
