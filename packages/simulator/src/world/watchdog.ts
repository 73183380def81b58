/**
 * Counts what must never happen, from the hypervisors alone. It looks at every change of any domain and at every tick.
 *
 * doubled: looks at which a VM was running on more than one host.
 * lost: episodes in which a VM ran nowhere for longer than `stillMs`, the longest bounded hand-over; and, when the run
 * ends, each VM that runs nowhere at that instant.
 */
import type { HostId, Ms, VmId } from '@heliotrope/shared'

export class Watchdog {
  doubled = 0
  lost = 0
  /** The longest time that any VM stood still. */
  longestStillMs: Ms = 0
  readonly #stillMs: Ms
  readonly #stoodStillAt = new Map<VmId, Ms>()
  readonly #counted = new Set<VmId>()

  constructor(stillMs: Ms) {
    this.#stillMs = stillMs
  }

  /** @param running the hosts on which the VM executes now */
  look(vm: VmId, running: readonly HostId[], now: Ms): void {
    if (running.length > 1) this.doubled++
    const since = this.#stoodStillAt.get(vm)
    if (running.length > 0) {
      if (since !== undefined) this.longestStillMs = Math.max(this.longestStillMs, now - since)
      this.#stoodStillAt.delete(vm)
      this.#counted.delete(vm)
      return
    }
    if (since === undefined) this.#stoodStillAt.set(vm, now)
    else if (now - since > this.#stillMs) this.#lose(vm)
  }

  /** The run is over: whoever runs nowhere is lost. */
  end(): void {
    for (const vm of this.#stoodStillAt.keys()) this.#lose(vm)
  }

  #lose(vm: VmId): void {
    if (this.#counted.has(vm)) return
    this.#counted.add(vm)
    this.lost++
  }
}
