/**
 * The shared storage's own truth: who wrote what. Each VM writes a counter; memory that is older than the disk, two
 * writers at once, and a write without an attached disk are counted here and nowhere else.
 */
import type { Disk, HostId, VmId } from '@heliotrope/shared'
import type { Memory } from './domain.js'
import { SimReservations } from './reservations.js'

export interface DiskFaults {
  /** Writes by memory of a generation below the highest that wrote (I2, I17). */
  below: number
  /** Writes by memory that does not know what is on the disk. */
  torn: number
  /** Rounds in which two domains wrote to one disk. */
  twoWriters: number
  /** Writes from a host to which the disk was not attached. */
  unattached: number
  /** Writes of a running VM that the storage turned away: its host's key was evicted. They do not land. */
  turnedAway: number
}

interface DiskState {
  count: number
  generation: number
  lastWriter?: HostId
}

export class SimDisks {
  readonly faults: DiskFaults = { below: 0, torn: 0, twoWriters: 0, unattached: 0, turnedAway: 0 }
  readonly reservations = new SimReservations()
  /** Hosts that cannot reach the storage now: what their guests write waits, as the kernel has it wait. */
  readonly cutOff = new Set<HostId>()
  readonly #disks = new Map<VmId, DiskState>()
  readonly #attached = new Map<HostId, Set<string>>()

  /** One write of a running VM. The memory learns what it wrote even if it should not have. */
  write(vm: VmId, host: HostId, disks: readonly Disk[], memory: Memory): void {
    const state = this.#disks.get(vm) ?? { count: 0, generation: 0 }
    this.#disks.set(vm, state)
    if (disks.some(disk => !this.attached(host, disk))) this.faults.unattached++
    if (this.cutOff.has(host)) return
    if (disks.some(disk => !this.reservations.mayWrite(disk, host))) {
      this.faults.turnedAway++
      return
    }
    if (memory.generation < state.generation) this.faults.below++
    if (memory.written !== state.count) this.faults.torn++
    state.generation = Math.max(state.generation, memory.generation)
    state.count = Math.max(state.count, memory.written) + 1
    memory.written = state.count
    state.lastWriter = host
  }

  count(vm: VmId): number {
    return this.#disks.get(vm)?.count ?? 0
  }

  /** The memory of a VM that boots from its disk: it knows what is there. */
  fresh(vm: VmId): Memory {
    const { count, generation } = this.#disks.get(vm) ?? { count: 0, generation: 0 }
    return { generation, written: count }
  }

  attach(host: HostId, disk: Disk): void {
    const paths = this.#attached.get(host) ?? new Set()
    this.#attached.set(host, paths.add(disk.path))
  }

  detach(host: HostId, disk: Disk): void {
    this.#attached.get(host)?.delete(disk.path)
  }

  attached(host: HostId, disk: Disk): boolean {
    return this.#attached.get(host)?.has(disk.path) ?? false
  }

  /** Sum of all faults: must be 0. */
  get bad(): number {
    const { below, torn, twoWriters, unattached, turnedAway } = this.faults
    return below + torn + twoWriters + unattached + turnedAway
  }
}
