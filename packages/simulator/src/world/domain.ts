/** A domain as a simulated hypervisor holds it, and what of it travels in a migration stream. */
import type { RunState, VmConfig } from '@heliotrope/shared'
import type { VmSpec } from './spec.js'

export interface SimDomain {
  domid: number
  name: string
  state: RunState
  config: VmConfig
  spec: VmSpec
  cpuS: number
  /** Being received: paused, not complete. */
  building: boolean
  memory: Memory
}

/** What the guest's memory knows; the world checks it against the disk at each write. */
export interface Memory {
  /** How often the VM was handed over before this copy ran. */
  generation: number
  /** Writes that this memory believes are on the disk. */
  written: number
}

/** The content of a complete stream. */
export interface Image {
  config: VmConfig
  spec: VmSpec
  memory: Memory
}

export const uuidOf = (domain: SimDomain): VmConfig['uuid'] => domain.config.uuid

export const imageOf = (domain: SimDomain): Image => ({
  config: structuredClone(domain.config),
  spec: domain.spec,
  memory: { ...domain.memory, generation: domain.memory.generation + 1 },
})
