/** The snapshot after every move of a plan has ended well, as the next report would show it. For tests and replays. */
import type { HostState, Ms, Snapshot } from '@heliotrope/shared'
import { vmNeedMiB } from './need/sizes.js'
import type { Plan } from './types.js'

/** Pure. Hosts that the plan wakes are awake, those that it puts to standby sleep. */
export function apply(plan: Plan, snapshot: Snapshot, at: Ms = snapshot.at): Snapshot {
  const after = structuredClone(snapshot)
  after.at = at
  const hosts = new Map(after.hosts.map(host => [host.id, host]))
  const sites = new Map(after.sites.map(site => [site.id, site]))
  const vms = new Map(after.vms.map(vm => [vm.uuid, vm]))
  for (const { host } of plan.wakes)
    Object.assign(hosts.get(host) as HostState, { powerState: 'awake', connected: true })
  for (const { host } of plan.standbys)
    Object.assign(hosts.get(host) as HostState, { powerState: 'standby', connected: false })
  for (const move of plan.moves) {
    const vm = vms.get(move.vm)
    const [from, to] = [hosts.get(move.from), hosts.get(move.to)]
    if (!vm || !from || !to) continue
    from.facts.freeMemoryMiB += vmNeedMiB(vm)
    to.facts.freeMemoryMiB -= vmNeedMiB(vm)
    const [left, entered] = [sites.get(from.site), sites.get(to.site)]
    if (left) left.loadW -= vm.powerW
    if (entered) entered.loadW += vm.powerW
    const domain = from.domains.find(each => each.uuid === vm.uuid)
    from.domains = from.domains.filter(each => each !== domain)
    if (domain) to.domains.push(domain)
    Object.assign(vm, { host: to.id, site: to.site, lastMovedAt: at })
  }
  for (const host of after.hosts) host.lastReportAt = at
  return after
}
