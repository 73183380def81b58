/** Why this VM cannot leave its host now, whatever the target. */
import type { Ms, VmState } from '@heliotrope/shared'
import type { FleetView, VmWork } from '../need/fleet-view.js'
import type { Reason } from '../types.js'
import { abilityReason } from './ability.js'
import { hostReason } from './host-reason.js'
import { stillReason } from './still-reason.js'
import { wayBlocked, wayOf } from './way.js'

/** What no order can overrule. Worst first; empty if it can leave. */
export function hardVmReasons(view: FleetView, work: VmWork): Reason[] {
  const { state: vm } = work
  const reasons: Reason[] = []
  const host = view.hosts.get(vm.host)?.state
  const blocked = wayBlocked(vm)
  if (blocked !== undefined) reasons.push({ code: 'cannot-move-live', text: blocked })
  const still = stillReason(view, work)
  if (still) reasons.push(still)
  const ability = host && vm.config && abilityReason(vm.config, host, wayOf(vm))
  if (ability) reasons.push(ability)
  if (vm.state !== 'running')
    reasons.push({ code: 'not-running', text: `${vm.name} is ${vm.state}; only a running VM moves` })
  if (vm.foreignMove !== undefined)
    reasons.push({ code: 'foreign-move', text: `somebody else moves ${vm.name}: ${vm.foreignMove}` })
  if (vm.busy !== undefined) reasons.push({ code: 'busy', text: `${vm.name} is in move ${vm.busy}` })
  if (vm.config === undefined)
    reasons.push({ code: 'config-unknown', text: `the config of ${vm.name} could not be read on ${vm.host}` })
  const unfit = host
    ? hostReason(view, host)
    : ({ code: 'host-unknown', text: `host ${vm.host} is not in the fleet` } as const)
  if (unfit) reasons.push(unfit)
  return reasons
}

/** What the operator's rules say; an order by hand may overrule them. */
export function ruledVmReasons(view: FleetView, { state: vm }: VmWork): Reason[] {
  const site = view.sites.get(vm.site)
  const reasons: Reason[] = []
  if (vm.pinned) reasons.push({ code: 'pinned', text: `${vm.name} is pinned to where it is` })
  if (site === undefined || site.state.mode === 'observe')
    reasons.push({ code: 'site-mode', text: `site ${vm.site} is only observed (mode observe)` })
  // What must leave a host that is drained does not wait for a gain, a forecast or its cooldown.
  if (view.hosts.get(vm.host)?.state.draining)
    return [...reasons, ...failureReasons(view, vm), ...settlingReasons(view)]
  if (site?.out) reasons.push(site.out)
  reasons.push(...restReasons(view, vm))
  return reasons
}

/** A VM that moved, or could not, rests; and after any move the meters must show its effect. */
function restReasons(view: FleetView, vm: VmState): Reason[] {
  const { policy, at } = view
  const reasons: Reason[] = []
  if (vm.foreignRest !== undefined)
    reasons.push({ code: 'foreign-move', text: `${vm.name} is left alone: ${vm.foreignRest}` })
  if (vm.lastMovedAt !== undefined && at - vm.lastMovedAt < policy.cooldownMs)
    reasons.push({
      code: 'cooldown',
      text: `${vm.name} moved ${minutes(at - vm.lastMovedAt)} ago and rests for ${minutes(policy.cooldownMs)}`,
    })
  reasons.push(...failureReasons(view, vm))
  reasons.push(...settlingReasons(view))
  return reasons
}

function settlingReasons({ at, lastMovedAt, policy }: FleetView): Reason[] {
  if (lastMovedAt === undefined || at - lastMovedAt >= policy.settleMs) return []
  return [{ code: 'settling', text: 'a move has just ended; the meters must show its effect first' }]
}

function failureReasons({ policy, at }: FleetView, vm: VmState): Reason[] {
  const patience = Math.max(policy.cooldownMs, policy.retryAfterFailureMs)
  if (vm.lastTriedAt === undefined || at - vm.lastTriedAt >= patience) return []
  return [
    {
      code: 'cooldown',
      text: `a move of ${vm.name} failed ${minutes(at - vm.lastTriedAt)} ago; it rests for ${minutes(patience)}`,
    },
  ]
}

const minutes = (ms: Ms): string => `${Math.round(ms / 6_000) / 10} min`
