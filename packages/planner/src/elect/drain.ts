/** VMs that must leave a drained host, where the first stage had nothing to say: without a forecast, or without an answer. */
import type { FleetView, HostWork } from '../need/fleet-view.js'
import { awake } from '../need/site-model.js'
import type { Fleet } from '../need/site-model.js'
import { hardPairReasons, hasRoom } from '../feasible/pair-reasons.js'
import type { Draft } from './draft.js'
import { bySize } from './place.js'

export function drainRest({ view, fixed }: Fleet, draft: Draft): void {
  for (const host of view.hosts.values()) {
    if (!host.state.draining) continue
    const leaving = [...host.vms].filter(vm => vm.state.host === host.state.id && !fixed.has(vm))
    for (const vm of leaving.sort(bySize(each => each.needMiB))) {
      const target = targetsFor(view, host).find(
        each => hasRoom(view, vm, each) && hardPairReasons(view, vm, each).length === 0,
      )
      if (target) {
        draft.failed.delete(vm)
        draft.move(vm, target, 'drain')
      } else if (!draft.failed.has(vm))
        draft.failed.set(vm, {
          reason: {
            code: 'no-target',
            text: `no host has room for ${vm.state.name}, which must leave ${host.state.id}`,
          },
        })
    }
  }
}

/** Near ones first, then those that are awake, the fuller the better. */
function targetsFor(view: FleetView, from: HostWork): HostWork[] {
  const near = (host: HostWork): number => (host.site === from.site ? 0 : 1)
  const up = (host: HostWork): number => (awake(host) ? 0 : 1)
  return [...view.hosts.values()]
    .filter(host => host !== from && !host.state.draining && host.site.state.mode !== 'observe')
    .sort(
      (a, b) =>
        near(a) - near(b) || up(a) - up(b) || b.vms.size - a.vms.size || (a.state.id < b.state.id ? -1 : 1),
    )
}
