/** What a VM takes of a host. */
import type { HostPowerModel, HostState, MiB, VmState } from '@heliotrope/shared'
import type { Policy } from '../types.js'

/** What travels, and what it may grow to. */
export const vmMemoryMiB = (vm: VmState): MiB => Math.max(vm.memoryMiB, vm.config?.maxMemoryMiB ?? 0)

/** What a target must have free: page tables and Xen's own needs come on top, by the same rule as the agent's check. */
export function vmNeedMiB(vm: VmState): MiB {
  const memory = vmMemoryMiB(vm)
  return memory + 16 + Math.ceil(memory / 64)
}

export const vmVcpus = (vm: VmState): number => vm.config?.vcpus ?? 1

export const hostVcpus = (policy: Policy, host: HostState): number => policy.vcpusPerCpu * host.facts.cpus

export const powerModel = (policy: Policy, host: HostState): HostPowerModel =>
  host.powerModel ?? policy.hostPower
