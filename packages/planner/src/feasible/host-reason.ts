/** Whether a host may take part at all, as source or target. */
import type { HostState } from '@heliotrope/shared'
import type { FleetView } from '../need/fleet-view.js'
import type { Reason } from '../types.js'

/** A host that sleeps on order, and may be woken, is as good as one that is awake. */
export const sleeps = (host: HostState): boolean => host.powerState === 'standby'

export function hostReason(view: FleetView, host: HostState): Reason | undefined {
  const { powerState } = host
  if (powerState === 'standby')
    return host.canStandby
      ? undefined
      : { code: 'host-asleep', text: `host ${host.id} sleeps and nothing is set up to wake it` }
  if (powerState !== undefined && powerState !== 'awake')
    return {
      code: powerState === 'unknown' ? 'host-power-unknown' : 'host-asleep',
      text: `the power state of host ${host.id} is: ${powerState}`,
    }
  if (!host.connected) return { code: 'host-offline', text: `host ${host.id} is not connected` }
  const age = view.at - host.lastReportAt
  if (age > view.policy.reportMaxAgeMs)
    return { code: 'report-stale', text: `the last report of ${host.id} is ${Math.round(age / 1000)} s old` }
  return undefined
}
