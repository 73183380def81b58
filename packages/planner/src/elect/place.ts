/** A host for one VM: the hard constraints first, then the tightest fit. */
import type { VmId } from '@heliotrope/shared'
import type { FleetView, HostWork, VmWork } from '../need/fleet-view.js'
import { hardPairReasons, hasRoom, ruledPairReasons } from '../feasible/pair-reasons.js'
import type { Reason } from '../types.js'

export interface Placement {
  to?: HostWork
  /** Why not, of the candidate that came nearest. */
  against?: { reason: Reason; to?: HostWork }
}

/**
 * @param rank the lower the better; of equal ones the host that has least left afterwards, then by id
 * @param along VMs of the same plan, see `groupReasons`
 */
export function place(
  view: FleetView,
  vm: VmWork,
  hosts: readonly HostWork[],
  rank: (host: HostWork) => number,
  along: ReadonlySet<VmId>,
): Placement {
  const roomy: { host: HostWork; rank: number; left: number }[] = []
  for (const host of hosts)
    if (host !== vm.on && hasRoom(view, vm, host))
      roomy.push({ host, rank: rank(host), left: slack(vm, host) })
  roomy.sort((a, b) => a.rank - b.rank || a.left - b.left || (a.host.state.id < b.host.state.id ? -1 : 1))
  let against: Placement['against']
  for (const { host } of roomy) {
    const [reason] = [...hardPairReasons(view, vm, host, along), ...ruledPairReasons(host)]
    if (reason === undefined) return { to: host }
    against ??= { reason, to: host }
  }
  if (against) return { against }
  const [full] = hosts
  if (full === undefined)
    return {
      against: { reason: { code: 'no-target', text: `there is no host that could take ${vm.state.name}` } },
    }
  return {
    against: {
      reason: {
        code: 'no-target',
        text: `none of ${hosts.length} hosts has ${vm.needMiB} MiB and ${vm.vcpus} virtual CPUs to spare for ${vm.state.name}`,
      },
    },
  }
}

/** What would be left, as parts of what is there: the scarcer of both. */
function slack(vm: VmWork, host: HostWork): number {
  return (
    (host.freeVcpus - vm.vcpus) / Math.max(1, host.freeVcpus + 1) +
    (host.freeMiB - vm.needMiB) / Math.max(1, host.freeMiB + 1)
  )
}

/** Big ones first, by the scarcer of CPUs and memory: what is hard to place is placed while there is room. */
export function bySize(sizeOf: (vm: VmWork) => number): (a: VmWork, b: VmWork) => number {
  return (a, b) => sizeOf(b) - sizeOf(a) || b.needMiB - a.needMiB || (a.state.uuid < b.state.uuid ? -1 : 1)
}
