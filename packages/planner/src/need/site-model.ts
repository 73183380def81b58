/** What can be decided at each site: which hosts may sleep, which VMs may leave, and what power follows from it. */
import type { W } from '@heliotrope/shared'
import { hardVmReasons, ruledVmReasons } from '../feasible/vm-reasons.js'
import { hostReason } from '../feasible/host-reason.js'
import type { Reason } from '../types.js'
import type { FleetView, HostWork, SiteWork, VmWork } from './fleet-view.js'
import type { SiteOutlook } from './outlook.js'

export interface HostModel {
  host: HostWork
  site: SiteModel
  /** It may take VMs. */
  target: boolean
  /** It draws standby power when it has no VM. */
  sleepable: boolean
  /** As it was before this plan. */
  movable: VmWork[]
  fixed: VmWork[]
}

export interface SiteModel {
  site: SiteWork
  outlook: SiteOutlook
  /** What the site draws besides its hosts. */
  otherW: W
  hosts: HostModel[]
}

export interface Fleet {
  view: FleetView
  /** Those that take part, in the order of their ids. */
  sites: SiteModel[]
  hosts: Map<HostWork, HostModel>
  /** Why a VM stays where it is, whatever it would gain; VMs that may move are not in it. */
  fixed: Map<VmWork, Reason>
}

export function fleetOf(view: FleetView, outlooks: ReadonlyMap<string, SiteOutlook>): Fleet {
  const fleet: Fleet = { view, sites: [], hosts: new Map(), fixed: new Map() }
  for (const vm of view.vms.values()) {
    const reason = [...hardVmReasons(view, vm), ...ruledVmReasons(view, vm)][0] ?? localDisk(vm)
    if (reason) fleet.fixed.set(vm, reason)
  }
  for (const site of view.sites.values()) {
    const outlook = outlooks.get(site.state.id)
    if (outlook === undefined) continue
    const model: SiteModel = { site, outlook, otherW: 0, hosts: [] }
    const mustBeAwake =
      (site.state.awakeFloor ?? 0) -
      site.hosts.filter(host => surelyUp(host) && !canSleep(fleet, host)).length
    // Those that are kept awake by the floor: the fullest of the awake, then by id.
    const kept = new Set(
      site.hosts
        .filter(host => canSleep(fleet, host))
        .sort(
          (a, b) =>
            Number(awake(b)) - Number(awake(a)) ||
            b.vms.size - a.vms.size ||
            (a.state.id < b.state.id ? -1 : 1),
        )
        .slice(0, Math.max(0, mustBeAwake)),
    )
    for (const host of site.hosts) {
      const vms = [...host.vms]
      const hostModel: HostModel = {
        host,
        site: model,
        target: isTarget(view, host),
        sleepable: canSleep(fleet, host) && !kept.has(host),
        movable: vms.filter(vm => !fleet.fixed.has(vm)),
        fixed: vms.filter(vm => fleet.fixed.has(vm)),
      }
      model.hosts.push(hostModel)
      fleet.hosts.set(host, hostModel)
    }
    model.otherW = Math.max(0, site.loadW - hostsW(model, host => awake(host)))
    fleet.sites.push(model)
  }
  return fleet
}

/** Power of the whole site if exactly these hosts are awake, with the VMs where the view has them now. */
export function siteW(model: SiteModel, isAwake: (host: HostModel) => boolean): W {
  let watts = 0
  for (const host of model.hosts) watts += hostW(host, isAwake(host))
  return model.site.pue * watts + model.otherW
}

/** As it would be with every host asleep that may be: what counts for comparing plans. */
export const restingW = (model: SiteModel): W =>
  siteW(model, host => !host.sleepable || host.host.vms.size > 0)

/** Without VMs. */
export const idleW = (host: HostModel): W => host.host.model.idleW

export const awake = ({ state }: HostWork): boolean =>
  state.powerState === undefined ? true : state.powerState !== 'standby'

/** Up beyond doubt: what the floor of a site counts. */
const surelyUp = ({ state }: HostWork): boolean =>
  state.connected && (state.powerState === undefined || state.powerState === 'awake')

function hostW(host: HostModel, isAwake: boolean): W {
  if (!isAwake) return host.host.model.standbyW
  let watts = idleW(host)
  for (const vm of host.host.vms) watts += vm.state.powerW
  return watts
}

function hostsW(model: SiteModel, isAwake: (host: HostWork) => boolean): W {
  return model.hosts.reduce((total, host) => total + hostW(host, isAwake(host.host)), 0)
}

/** Never one with a VM that must stay, one in doubt, or one that nobody can wake again. */
function canSleep(fleet: Fleet, host: HostWork): boolean {
  const { state, site } = host
  if ((site.state.standby ?? 'off') === 'off' || site.state.mode === 'observe' || !state.canStandby)
    return false
  if (hostReason(fleet.view, state)) return false
  if (state.moves.length > 0) return false
  const known = new Set([...host.vms].map(vm => vm.state.uuid))
  if (state.powerState !== 'standby' && state.domains.some(domain => !known.has(domain.uuid))) return false
  return ![...host.vms].some(vm => fleet.fixed.has(vm))
}

function isTarget(view: FleetView, host: HostWork): boolean {
  const { state, site } = host
  return (
    site.state.mode !== 'observe' &&
    !state.draining &&
    hostReason(view, state) === undefined &&
    !state.findings.some(finding => finding.level === 'fail')
  )
}

function localDisk({ state }: VmWork): Reason | undefined {
  const disk = state.config?.disks.find(each => each.source.kind === 'local')
  return (
    disk && {
      code: 'storage-unreachable',
      text: `disk ${disk.vdev} of ${state.name} is local to ${state.host}; put it on iSCSI to let it move`,
    }
  )
}
