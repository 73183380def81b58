/**
 * Writes chunks on: at most two are on their way, the reader is paused meanwhile, and after each chunk for as long as the
 * rate limit asks.
 */
import type { Writable } from 'node:stream'
import type { Cancel, Clock } from '@heliotrope/shared'
import type { RateLimit } from '../stream/rate-limit.js'

export interface Pausable {
  pause(): unknown
  resume(): unknown
}

/** One that is being sent, and one that waits: the reader fills the next while the kernel empties the last. */
const ON_THE_WAY = 2

export class Pump {
  readonly #clock: Clock
  readonly #from: Pausable
  readonly #to: Writable
  readonly #limit: RateLimit
  #onTheWay = 0
  #paused = false
  #waitsForTime = false
  #cancel: Cancel = () => {}

  constructor(clock: Clock, from: Pausable, to: Writable, limit: RateLimit) {
    this.#clock = clock
    this.#from = from
    this.#to = to
    this.#limit = limit
  }

  /** Passes a chunk on that came from the reader. `written` is called when the kernel has it; never after an error. */
  pass(chunk: Uint8Array, written: () => void): void {
    if (chunk.length === 0) return written()
    this.#onTheWay++
    this.#to.write(chunk, error => {
      if (error) return
      this.#onTheWay--
      written()
      this.#resume()
    })
    const waitMs = this.#limit.spend(chunk.length)
    if (waitMs > 0) {
      this.#waitsForTime = true
      this.#cancel = this.#clock.after(waitMs, () => {
        this.#waitsForTime = false
        this.#resume()
      })
    }
    if (this.#mustWait() && !this.#paused) {
      this.#paused = true
      this.#from.pause()
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
  }

  #mustWait(): boolean {
    return this.#waitsForTime || this.#onTheWay >= ON_THE_WAY
  }

  #resume(): void {
    if (!this.#paused || this.#mustWait()) return
    this.#paused = false
    this.#from.resume()
  }
}
