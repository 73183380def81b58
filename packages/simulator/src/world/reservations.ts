/**
 * Persistent reservations of the simulated disks, as a target that keeps them over power cuts has them: who is registered
 * may write, and of two that evict each other one succeeds.
 */
import type { Disk, HostId } from '@heliotrope/shared'

interface Keys {
  readonly registered: Map<HostId, string>
  holder?: HostId
}

export class SimReservations {
  readonly #disks = new Map<string, Keys>()

  /** Hosts that are registered, in no order that matters. */
  hosts(disk: Disk): HostId[] {
    return [...this.#of(disk).registered.keys()]
  }

  holder(disk: Disk): HostId | undefined {
    return this.#of(disk).holder
  }

  mayWrite(disk: Disk, host: HostId): boolean {
    const { holder, registered } = this.#of(disk)
    return holder === undefined || registered.has(host)
  }

  keyOf(disk: Disk, host: HostId): string | undefined {
    return this.#of(disk).registered.get(host)
  }

  has(disk: Disk, key: string): boolean {
    return [...this.#of(disk).registered.values()].includes(key)
  }

  register(disk: Disk, host: HostId, key: string): void {
    this.#of(disk).registered.set(host, key)
  }

  /** @returns false if another host has it */
  reserve(disk: Disk, host: HostId): boolean {
    const keys = this.#of(disk)
    keys.holder ??= host
    return keys.holder === host
  }

  /** Only a host that is registered can: it takes the reservation with the key. */
  preempt(disk: Disk, host: HostId, key: string): boolean {
    const keys = this.#of(disk)
    if (!keys.registered.has(host)) return false
    for (const [other, theirs] of keys.registered)
      if (theirs === key && other !== host) {
        keys.registered.delete(other)
        if (keys.holder === other) keys.holder = host
      }
    return true
  }

  /** With the holder goes the reservation. */
  unregister(disk: Disk, host: HostId): void {
    const keys = this.#of(disk)
    keys.registered.delete(host)
    if (keys.holder === host) delete keys.holder
  }

  #of({ path }: Disk): Keys {
    const keys = this.#disks.get(path) ?? { registered: new Map() }
    this.#disks.set(path, keys)
    return keys
  }
}
