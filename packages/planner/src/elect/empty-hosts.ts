/**
 * The second stage: hosts fall empty as the first stage wants it. At each site as many hosts are kept as there are to
 * be; all VMs of the others go to kept hosts, near ones first. A host that cannot be emptied as a whole is not begun
 * with: half of a move costs energy and saves none.
 */
import type { SiteId, VmId } from '@heliotrope/shared'
import type { HostWork, VmWork } from '../need/fleet-view.js'
import type { Fleet, HostModel, SiteModel } from '../need/site-model.js'
import { sum } from '../need/sums.js'
import type { Units } from '../where/units.js'
import { groupReasons } from '../feasible/group-reasons.js'
import type { Reason } from '../types.js'
import type { Draft, DraftMove } from './draft.js'
import { bySize, place } from './place.js'

/**
 * @param wanted units for each of the fleet's sites in the first slot
 * @returns the hosts that would be kept
 */
export function emptyHosts(
  fleet: Fleet,
  units: Units,
  wanted: readonly number[],
  draft: Draft,
): Set<HostModel> {
  const { view } = fleet
  const kept = new Set<HostModel>()
  const wants = new Map<SiteId, number>()
  fleet.sites.forEach((model, n) => {
    wants.set(model.site.state.id, wanted[n] as number)
    for (const host of keptAt(units, model, wanted[n] as number)) kept.add(host)
  })
  const leaving = fleet.sites.flatMap(model => model.hosts.filter(host => leaves(host, kept)))
  const holds = new Map<SiteId, number>(
    fleet.sites.map(model => [
      model.site.state.id,
      sum(
        model.hosts
          .filter(host => !leaving.includes(host))
          .flatMap(host => host.movable)
          .map(units.sizeOf),
      ),
    ]),
  )
  const homes = new Map<VmWork, HostModel>(
    leaving.flatMap(host => host.movable.map(vm => [vm, host] as const)),
  )
  const waiting = [...homes.keys()].sort(bySize(units.sizeOf))
  const staying = new Set<HostModel>()
  // Mates in a group hold a VM only where they stay, or went: not while they wait to be placed.
  const along = new Set(waiting.map(vm => vm.state.uuid))
  const targets = (): HostWork[] => [...kept].filter(host => host.target).map(host => host.host)
  let candidates = targets()
  for (const vm of waiting) {
    const home = homes.get(vm) as HostModel
    if (staying.has(home)) continue
    const here = home.site.site.state.id
    // Inside the site first, there is no network to pay; then where the first stage wants more.
    const rank = (host: HostWork): number =>
      host.site.state.id === here ? 0 : room(host.site.state.id) >= units.sizeOf(vm) - 1e-6 ? 1 : 2
    const room = (site: SiteId): number => (wants.get(site) ?? 0) - (holds.get(site) ?? 0)
    along.delete(vm.state.uuid)
    const { to, against } = place(view, vm, candidates, rank, vm.state.together ? along : none)
    if (to === undefined) {
      draft.failed.set(vm, against as NonNullable<typeof against>)
      giveUp(home)
      continue
    }
    draft.move(vm, to, home.host.state.draining ? 'drain' : 'empty')
    holds.set(to.site.state.id, (holds.get(to.site.state.id) ?? 0) + units.sizeOf(vm))
  }
  // A host given up may have torn a group: what went ahead comes back with all of its host.
  for (let torn = tornMove(); torn; torn = tornMove()) {
    const move = torn
    const home = homes.get(move.vm) as HostModel
    if (home.host.state.draining) draft.undo(each => each === move)
    else giveUp(home)
  }
  return kept

  function tornMove(): DraftMove | undefined {
    return draft.moves.find(
      ({ vm, to }) => (vm.state.together ?? []).length > 0 && groupReasons(view, vm, to).some(torn),
    )
  }

  function giveUp(home: HostModel): void {
    // A host that is drained gives up what it can.
    if (home.host.state.draining) return
    staying.add(home)
    kept.add(home)
    const back = draft.undo(move => homes.get(move.vm) === home)
    for (const { vm, to } of back) {
      const id = to.site.state.id
      holds.set(id, (holds.get(id) ?? 0) - units.sizeOf(vm))
      draft.failed.set(vm, {
        reason: {
          code: 'host-not-emptied',
          text: `${home.host.state.id} cannot be emptied as a whole, and a part of it saves nothing`,
        },
      })
    }
    for (const vm of home.movable) along.delete(vm.state.uuid)
    const id = home.site.site.state.id
    holds.set(id, (holds.get(id) ?? 0) + sum(home.movable.map(units.sizeOf)))
    candidates = targets()
  }
}

const torn = (reason: Reason): boolean => reason.code === 'affinity'

const none: ReadonlySet<VmId> = new Set()

/** Hosts of a site, filled in their order until there is room for what it is to hold. */
function keptAt(units: Units, model: SiteModel, wanted: number): HostModel[] {
  const kept: HostModel[] = []
  let room = 0
  for (const host of units.order(model)) {
    if (host.sleepable && (room >= wanted - 1e-6 || !host.target)) continue
    kept.push(host)
    room += units.capacityOf(host)
  }
  return kept
}

const leaves = (host: HostModel, kept: ReadonlySet<HostModel>): boolean =>
  host.movable.length > 0 && (!kept.has(host) || host.host.state.draining === true)
