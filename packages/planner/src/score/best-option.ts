/** The best host for one VM, or the best one with the reason against it. */
import type { VmState } from '@heliotrope/shared'
import { hardPairReasons, ruledPairReasons } from '../feasible/pair-reasons.js'
import { headroomW } from '../need/fleet-view.js'
import type { FleetView, HostWork, SiteWork } from '../need/fleet-view.js'
import type { Effect, Reason } from '../types.js'
import { effectOf, netGainW } from './effect.js'

export interface Option {
  target: HostWork
  site: SiteWork
  effect: Effect
  /** Undefined: it can be done and is worth it. */
  against: Reason | undefined
}

/** Undefined if there is no host at another site. */
export function bestOption(view: FleetView, vm: VmState): Option | undefined {
  const from = view.sites.get(vm.site)
  if (from === undefined) return undefined
  let best: Option | undefined
  for (const target of view.hosts.values()) {
    const site = view.sites.get(target.state.site)
    // Within a site a move changes nothing that this planner looks at.
    if (site === undefined || site === from) continue
    const effect = effectOf(view.policy, vm, from, site)
    const option = { target, site, effect, against: against(view, vm, target, site, effect) }
    if (best === undefined || better(option, best)) best = option
  }
  return best
}

function against(
  view: FleetView,
  vm: VmState,
  target: HostWork,
  site: SiteWork,
  effect: Effect,
): Reason | undefined {
  const [ruled] = ruledPairReasons(view, target.state)
  if (ruled) return ruled
  const free = headroomW(site) ?? 0
  if (free <= 0) return { code: 'no-headroom', text: `site ${site.state.id} has no green power to spare` }
  const [hard] = hardPairReasons(view, vm, target)
  if (hard) return hard
  const net = netGainW(view.policy, effect)
  if (net < view.policy.marginW)
    return {
      code: 'gain-below-margin',
      text: `${net.toFixed(1)} W net of the move's cost, the margin is ${view.policy.marginW} W`,
    }
  if (effect.gainedGCO2eq <= effect.spentGCO2eq)
    return { code: 'carbon-not-lower', text: `it would not lower the carbon emitted at ${site.state.id}` }
  return undefined
}

/** Possible before refused; then the larger gain; then the tighter fit; the name last, so that the order is total. */
function better(a: Option, b: Option): boolean {
  if ((a.against === undefined) !== (b.against === undefined)) return a.against === undefined
  if (a.effect.gainW !== b.effect.gainW) return a.effect.gainW > b.effect.gainW
  if (a.target.freeMiB !== b.target.freeMiB) return a.target.freeMiB < b.target.freeMiB
  return a.target.state.id < b.target.state.id
}
