/**
 * The snapshot made ready for deciding: found by id, with the moves in flight counted at their ends, and changed by
 * each move that the plan takes up, so that the next candidate sees what is left.
 */
import type {
  HostId,
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
import type { Policy, SiteView } from '../types.js'
import { trustedGreenW } from './trusted-green.js'

export interface SiteWork {
  state: SiteState
  greenW: W | undefined
  loadW: W
}

export interface HostWork {
  state: HostState
  freeMiB: MiB
}

export interface FleetView {
  at: Ms
  policy: Policy
  sites: Map<SiteId, SiteWork>
  hosts: Map<HostId, HostWork>
  vms: Map<VmId, VmState>
  /** Moves under way. */
  inFlight: number
  movesInLastHour: number
  /** When the last move that ended did so. */
  lastMovedAt: Ms | undefined
}

const HOUR: Ms = 3_600_000

export function fleetView(snapshot: Snapshot, policy: Policy): FleetView {
  const moved = snapshot.vms.flatMap(vm => vm.lastMovedAt ?? [])
  const view: FleetView = {
    at: snapshot.at,
    policy,
    sites: new Map(
      snapshot.sites.map(state => [state.id, { state, greenW: trustedGreenW(state), loadW: state.loadW }]),
    ),
    hosts: new Map(snapshot.hosts.map(state => [state.id, { state, freeMiB: state.facts.freeMemoryMiB }])),
    vms: new Map(snapshot.vms.map(vm => [vm.uuid, vm])),
    inFlight: new Set(snapshot.vms.flatMap(vm => vm.busy ?? [])).size,
    movesInLastHour: Math.max(
      policy.movesInLastHour ?? 0,
      moved.filter(at => snapshot.at - at < HOUR).length,
    ),
    lastMovedAt: moved.length === 0 ? undefined : Math.max(...moved),
  }
  for (const vm of snapshot.vms) {
    const target = vm.busy && snapshot.hosts.find(host => host.id !== vm.host && isTarget(host, vm))
    if (!target) continue
    shift(view, vm, target.id)
    // The copy holds its memory from the first page on (claim_mode): the host's free memory is less by it already.
    if (target.domains.some(domain => domain.uuid === vm.uuid))
      (view.hosts.get(target.id) as HostWork).freeMiB += vmNeedMiB(vm)
  }
  return view
}

/** As the coordinator ordered it, else as the hosts report it, which is a little later. */
const isTarget = (host: HostState, vm: VmState): boolean =>
  vm.movingTo === host.id ||
  host.moves.some(move => move.move === vm.busy && move.role === 'target') ||
  host.domains.some(domain => domain.uuid === vm.uuid)

/** What travels, and what it may grow to. */
export const vmMemoryMiB = (vm: VmState): MiB => Math.max(vm.memoryMiB, vm.config?.maxMemoryMiB ?? 0)

/** What a target must have free: page tables and Xen's own needs come on top, by the same rule as the agent's check. */
export function vmNeedMiB(vm: VmState): MiB {
  const memory = vmMemoryMiB(vm)
  return memory + 16 + Math.ceil(memory / 64)
}

/** Counts a move as done for the sites' load; the source's memory is not free before it has ended. */
export function shift(view: FleetView, vm: VmState, to: HostId): void {
  const target = view.hosts.get(to)
  if (target === undefined) return
  target.freeMiB -= vmNeedMiB(vm)
  const from = view.sites.get(vm.site)
  const site = view.sites.get(target.state.site)
  if (from) from.loadW -= vm.powerW
  if (site) site.loadW += vm.powerW
}

export const headroomW = (site: SiteWork): W | undefined =>
  site.greenW === undefined ? undefined : site.greenW - site.loadW

export function siteViews(view: FleetView): SiteView[] {
  return [...view.sites.values()].map(site => {
    const headroom = headroomW(site)
    const { greenW, loadW } = site
    return {
      id: site.state.id,
      loadW,
      ...(greenW !== undefined && { greenW }),
      ...(headroom !== undefined && { headroomW: headroom }),
    }
  })
}
