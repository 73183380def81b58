/** Who must be together, and who apart. */
import type { VmId } from '@heliotrope/shared'
import type { FleetView, HostWork, VmWork } from '../need/fleet-view.js'
import type { Reason } from '../types.js'

/**
 * @param along VMs that this plan moves, too, and that are not placed yet or go to the same site: they do not hold it
 */
export function groupReasons(
  view: FleetView,
  vm: VmWork,
  target: HostWork,
  along: ReadonlySet<VmId> = new Set(),
): Reason[] {
  const reasons: Reason[] = []
  for (const name of vm.state.together ?? []) {
    const left = view.groups
      .get(`together/${name}`)
      ?.find(mate => mate !== vm && mate.on?.site !== target.site && !along.has(mate.state.uuid))
    if (left)
      reasons.push({
        code: 'affinity',
        text: `${vm.state.name} belongs together with ${left.state.name} (${name}), which is at ${left.on?.site.state.id ?? left.state.site}`,
      })
  }
  // One that is to leave is there until it has left, and moves may start in any order.
  for (const name of vm.state.apart ?? []) {
    const met = view.groups
      .get(`apart/${name}`)
      ?.find(mate => mate !== vm && (mate.on === target || mate.state.host === target.state.id))
    if (met)
      reasons.push({
        code: 'anti-affinity',
        text: `${vm.state.name} must not share a host with ${met.state.name} (${name}), which is on ${target.state.id}`,
      })
  }
  const { allowedSites, name } = vm.state
  if (allowedSites && !allowedSites.includes(target.state.site))
    reasons.push({
      code: 'residency',
      text: `${name} may run only at ${allowedSites.join(', ') || 'no site at all'}, not at ${target.state.site}`,
    })
  return reasons
}
