/** Whether a host may take part at all, as source or target. */
import type { HostState } from '@heliotrope/shared'
import type { FleetView } from '../need/fleet-view.js'
import type { Reason } from '../types.js'

export function hostReason(view: FleetView, host: HostState): Reason | undefined {
  if (!host.connected) return { code: 'host-offline', text: `host ${host.id} is not connected` }
  const age = view.at - host.lastReportAt
  if (age > view.policy.reportMaxAgeMs)
    return { code: 'report-stale', text: `the last report of ${host.id} is ${Math.round(age / 1000)} s old` }
  return undefined
}
