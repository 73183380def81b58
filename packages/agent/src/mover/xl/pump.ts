/**
 * Moves chunks from one socket to another: at most one buffer of the writer is queued, the reader is paused meanwhile,
 * and after each chunk as long as the rate limit asks.
 */
import type { Duplex } from 'node:stream'
import type { Cancel, Clock } from '@heliotrope/shared'
import type { RateLimit } from '../stream/rate-limit.js'

export class Pump {
  readonly #clock: Clock
  readonly #from: Duplex
  readonly #to: Duplex
  readonly #limit: RateLimit
  #waitsForTime = false
  #cancel: Cancel = () => {}

  constructor(clock: Clock, from: Duplex, to: Duplex, limit: RateLimit) {
    this.#clock = clock
    this.#from = from
    this.#to = to
    this.#limit = limit
  }

  /** Passes a chunk on that came from the reader. `written` is called when the kernel has it. */
  pass(chunk: Uint8Array, written?: () => void): void {
    if (chunk.length === 0) return written?.()
    const free = this.#to.write(chunk, error => {
      if (!error) written?.()
    })
    const waitMs = this.#limit.spend(chunk.length)
    if (!free) {
      this.#from.pause()
      this.#to.once('drain', () => this.#resume())
    }
    if (waitMs > 0) {
      this.#waitsForTime = true
      this.#from.pause()
      this.#cancel = this.#clock.after(waitMs, () => {
        this.#waitsForTime = false
        this.#resume()
      })
    }
  }

  /** Takes the limit away, now. */
  lift(): void {
    this.#limit.lift()
    if (!this.#waitsForTime) return
    this.#cancel()
    this.#waitsForTime = false
    this.#resume()
  }

  stop(): void {
    this.#cancel()
    this.#waitsForTime = false
  }

  #resume(): void {
    if (!this.#waitsForTime && !this.#to.writableNeedDrain) this.#from.resume()
  }
}
