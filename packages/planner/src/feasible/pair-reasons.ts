/** Why this VM cannot go to that host. */
import type { Disk, HostState, VmState } from '@heliotrope/shared'
import { vmNeedMiB } from '../need/fleet-view.js'
import type { FleetView, HostWork } from '../need/fleet-view.js'
import type { Reason } from '../types.js'
import { abilityReason } from './ability.js'
import { hostReason } from './host-reason.js'

/** What no order can overrule; empty if the VM fits. The host's free memory is what earlier moves of the plan left. */
export function hardPairReasons(view: FleetView, vm: VmState, target: HostWork): Reason[] {
  const host = target.state
  if (host.id === vm.host) return [{ code: 'same-host', text: `${vm.name} is on ${host.id}` }]
  const reasons = [
    hostReason(view, host),
    vm.config && abilityReason(vm.config, host),
    memoryReason(view, vm, target),
    ...(vm.config?.disks.map(disk => diskReason(vm, disk, host)) ?? []),
    bridgeReason(vm, host),
    ...host.findings.map(
      finding =>
        finding.level === 'fail' &&
        ({
          code: 'target-unfit',
          text: `${host.id} fails its check ${finding.check}: ${finding.text}`,
        } as const),
    ),
  ]
  return reasons.filter(reason => reason !== undefined && reason !== false)
}

/** What the operator's rules say of a target. */
export function ruledPairReasons(view: FleetView, host: HostState): Reason[] {
  const site = view.sites.get(host.site)
  if (site === undefined || site.state.mode === 'observe')
    return [{ code: 'site-mode', text: `site ${host.site} is only observed (mode observe)` }]
  if (site.greenW === undefined)
    return [{ code: 'green-unknown', text: `the green power of site ${host.site} is not known` }]
  return []
}

function memoryReason(view: FleetView, vm: VmState, target: HostWork): Reason | undefined {
  const need = vmNeedMiB(vm) + view.policy.reserveMiB
  if (target.freeMiB >= need) return undefined
  const left = Math.max(0, Math.floor(target.freeMiB))
  return {
    code: 'target-memory',
    text: `${target.state.id} has ${left} MiB to promise, ${vm.name} needs ${need} MiB`,
  }
}

function diskReason(vm: VmState, disk: Disk, host: HostState): Reason | undefined {
  const { source } = disk
  if (source.kind === 'local')
    return {
      code: 'storage-unreachable',
      text: `disk ${disk.vdev} of ${vm.name} is local to ${vm.host} (${source.path}); put it on iSCSI to let it move`,
    }
  if (host.facts.portals.includes(source.portal)) return undefined
  return {
    code: 'storage-unreachable',
    text: `${host.id} may not log in to ${source.portal}, where disk ${disk.vdev} of ${vm.name} is`,
  }
}

function bridgeReason(vm: VmState, host: HostState): Reason | undefined {
  const missing = vm.config?.vifs.find(vif => !host.facts.bridges.includes(vif.bridge))
  return missing && { code: 'bridge-missing', text: `${host.id} has no bridge ${missing.bridge}` }
}
