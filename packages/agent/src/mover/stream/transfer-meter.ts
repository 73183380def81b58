/** Progress of one transfer: bytes and pages as the stream says, rate over the last seconds, first pass against size. */
import type { Bytes, Clock, Ms } from '@heliotrope/shared'
import type { TransferProgress } from '../ports.js'
import type { MigrationStream } from './migration-stream.js'

/** The rate is that of about this long. */
const WINDOW_MS: Ms = 5_000
const STEP_MS: Ms = 500

export class TransferMeter {
  readonly #clock: Clock
  readonly #stream: MigrationStream
  readonly #expectedPages: number
  #marks: { at: Ms; bytes: Bytes }[] = []

  /** @param expectedPages size of the guest, for what is left of the first pass */
  constructor(clock: Clock, stream: MigrationStream, expectedPages: number) {
    this.#clock = clock
    this.#stream = stream
    this.#expectedPages = expectedPages
  }

  /** Bytes have passed. */
  note(): void {
    const at = this.#clock.mono()
    const newest = this.#marks.at(-1)
    if (newest !== undefined && at - newest.at < STEP_MS) return
    this.#marks.push({ at, bytes: this.#stream.bytes })
    while (this.#marks.length > 2 && at - (this.#marks[1] as { at: Ms }).at > WINDOW_MS) this.#marks.shift()
  }

  progress(): TransferProgress {
    const { bytes, accounts } = this.#stream
    const { pages, dirtied, round } = accounts.counts()
    const oldest = this.#marks[0]
    const spanMs = oldest === undefined ? 0 : this.#clock.mono() - oldest.at
    return {
      bytes,
      pages,
      dirtiedPages: dirtied,
      round,
      remainingPages: round > 1 ? 0 : Math.max(0, this.#expectedPages - pages),
      rateBps: oldest === undefined || spanMs <= 0 ? 0 : Math.round(((bytes - oldest.bytes) * 1000) / spanMs),
    }
  }
}
