/**
 * Buffers that are used again and again: a new one for each 64 KiB of a guest's memory would keep the garbage collector
 * busy for as long as the move lasts (measured: half of the mover's CPU time).
 */
import type { Bytes } from '@heliotrope/shared'

/** More than these are never in use at once unless the writer hangs; then the rest is left to the collector. */
const KEPT = 8

export class BufferPool {
  readonly #size: Bytes
  readonly #free: Buffer[] = []

  constructor(size: Bytes) {
    this.#size = size
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size)
  }

  /** Nobody reads or writes `buffer` any more. */
  give(buffer: Buffer): void {
    if (this.#free.length < KEPT) this.#free.push(buffer)
  }
}
