/** A token bucket: how long to pause after a chunk so that the mean rate is kept. */
import type { Bytes, BytesPerSecond, Clock, Ms } from '@heliotrope/shared'

/** What may pass at once after a pause, in time. */
const BURST_MS: Ms = 100

export class RateLimit {
  readonly #clock: Clock
  #rateBps: BytesPerSecond
  #tokens: Bytes
  #at: Ms

  /** @param rateBps 0 = no limit */
  constructor(clock: Clock, rateBps: BytesPerSecond) {
    this.#clock = clock
    this.#rateBps = rateBps
    this.#tokens = this.#burst()
    this.#at = clock.mono()
  }

  /** `bytes` have passed. @returns how long nothing more may pass; 0 = go on */
  spend(bytes: Bytes): Ms {
    if (this.#rateBps <= 0) return 0
    const now = this.#clock.mono()
    this.#tokens = Math.min(this.#burst(), this.#tokens + ((now - this.#at) * this.#rateBps) / 1000) - bytes
    this.#at = now
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1000) / this.#rateBps
  }

  /** From now on there is no limit: the VM stands still, and every millisecond counts for its users. */
  lift(): void {
    this.#rateBps = 0
  }

  #burst(): Bytes {
    return (this.#rateBps * BURST_MS) / 1000
  }
}
