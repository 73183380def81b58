/** A series by slot number (time / slot length), NaN where nothing is known; grows at its end, forgets its beginning. */

export class SlotSeries {
  #values = new Float64Array(1024).fill(NaN)
  #first = 0
  #length = 0
  readonly #keep: number

  /** @param keep at least so many of the newest slots are kept */
  constructor(keep: number) {
    this.#keep = keep
  }

  /** Number of the newest slot that was set; -1 if none. */
  get last(): number {
    return this.#length === 0 ? -1 : this.#first + this.#length - 1
  }

  /** NaN if unknown. */
  at(slot: number): number {
    const index = slot - this.#first
    return index >= 0 && index < this.#length ? this.#values[index]! : NaN
  }

  /** Slots may be skipped, and filled later; what is older than kept is left out. */
  set(slot: number, value: number): void {
    if (this.#length === 0) this.#first = slot
    // A gap longer than all that is kept: nothing before it counts any more.
    else if (slot - this.last > this.#keep) {
      this.#first = slot
      this.#length = 0
      this.#values.fill(NaN)
    }
    const index = slot - this.#first
    if (index < 0) return
    if (index >= this.#values.length) this.#grow(index)
    const place = slot - this.#first
    this.#values[place] = value
    this.#length = Math.max(this.#length, place + 1)
  }

  #grow(index: number): void {
    const drop = Math.max(0, this.#length - this.#keep)
    const kept = this.#values.subarray(drop, this.#length)
    const values = new Float64Array(Math.max(1024, 2 * (index + 1 - drop))).fill(NaN)
    values.set(kept)
    this.#values = values
    this.#first += drop
    this.#length -= drop
  }
}
