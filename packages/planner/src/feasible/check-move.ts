/** Whether one VM could be moved to one host by hand: the hard constraints only. */
import type { HostId, Snapshot, VmId } from '@heliotrope/shared'
import { fleetView } from '../need/fleet-view.js'
import type { Policy, Reason } from '../types.js'
import { hardPairReasons } from './pair-reasons.js'
import { hardVmReasons } from './vm-reasons.js'

/** All that stands against it, worst first; empty if it can be tried. Pins, modes, margins and budgets do not count. */
export function checkMove(snapshot: Snapshot, policy: Policy, vm: VmId, to: HostId): Reason[] {
  const view = fleetView(snapshot, policy)
  const state = view.vms.get(vm)
  const target = view.hosts.get(to)
  if (state === undefined) return [{ code: 'not-running', text: `VM ${vm} is not in the fleet` }]
  if (target === undefined) return [{ code: 'host-unknown', text: `host ${to} is not in the fleet` }]
  return [...hardVmReasons(view, state), ...hardPairReasons(view, state, target)]
}
