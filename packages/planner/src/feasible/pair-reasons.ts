/** Why this VM cannot go to that host. */
import type { Disk, HostState, VmId, VmState } from '@heliotrope/shared'
import type { FleetView, HostWork, VmWork } from '../need/fleet-view.js'
import type { Reason } from '../types.js'
import { abilityReason } from './ability.js'
import { groupReasons } from './group-reasons.js'
import { hostReason } from './host-reason.js'
import { wayOf } from './way.js'

/**
 * What no order can overrule; empty if the VM fits. The host's free memory and CPUs are what earlier moves of the plan
 * left.
 * @param along VMs of its groups that move in the same plan
 */
export function hardPairReasons(
  view: FleetView,
  vm: VmWork,
  target: HostWork,
  along?: ReadonlySet<VmId>,
): Reason[] {
  const host = target.state
  const { state } = vm
  if (host.id === state.host) return [{ code: 'same-host', text: `${state.name} is on ${host.id}` }]
  const reasons = [
    hostReason(view, host),
    host.draining &&
      ({ code: 'host-draining', text: `${host.id} is drained or in maintenance` } satisfies Reason),
    state.config && abilityReason(state.config, host, wayOf(state)),
    cpuReason(view, vm, host),
    memoryReason(view, vm, target),
    vcpuReason(vm, target),
    ...groupReasons(view, vm, target, along),
    ...(state.config?.disks.map(disk => diskReason(state, disk, host)) ?? []),
    bridgeReason(state, host),
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
export function ruledPairReasons(target: HostWork): Reason[] {
  const { site } = target
  if (site.state.mode === 'observe')
    return [{ code: 'site-mode', text: `site ${site.state.id} is only observed (mode observe)` }]
  return site.out ? [site.out] : []
}

/** The cheap part of the hard constraints, for the many hosts that are not even near. */
export const hasRoom = (view: FleetView, vm: VmWork, target: HostWork): boolean =>
  target.freeMiB >= vm.needMiB + view.policy.reserveMiB && target.freeVcpus >= vm.vcpus

function memoryReason(view: FleetView, vm: VmWork, target: HostWork): Reason | undefined {
  const need = vm.needMiB + view.policy.reserveMiB
  if (target.freeMiB >= need) return undefined
  const left = Math.max(0, Math.floor(target.freeMiB))
  return {
    code: 'target-memory',
    text: `${target.state.id} has ${left} MiB to promise, ${vm.state.name} needs ${need} MiB`,
  }
}

function vcpuReason(vm: VmWork, target: HostWork): Reason | undefined {
  if (target.freeVcpus >= vm.vcpus) return undefined
  return {
    code: 'target-vcpus',
    text: `${target.state.id} has ${Math.max(0, target.freeVcpus)} virtual CPUs to promise, ${vm.state.name} has ${vm.vcpus}`,
  }
}

/** A guest that has seen a CPU feature uses it: the target must have all that it was started with. */
function cpuReason(view: FleetView, vm: VmWork, host: HostState): Reason | undefined {
  const needs = vm.state.cpuFeatures ?? view.hosts.get(vm.state.host)?.state.cpuFeatures
  const has = host.cpuFeatures
  if (needs === undefined || has === undefined) return undefined
  const missing = needs.filter(feature => !has.includes(feature))
  if (missing.length === 0) return undefined
  return {
    code: 'cpu-features',
    text: `${vm.state.name} may use ${missing.slice(0, 5).join(', ')}, which the CPU of ${host.id} does not have`,
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
