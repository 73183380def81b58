/** Climatology: what is usual at this time of the day, from the last weeks. */

/** How many days count: 1/e of the weight is older. */
const DAYS = 25

export class DayProfile {
  readonly #mean: Float64Array
  readonly #count: Float64Array

  /** @param perDay slots a day (or a week: whatever comes again) */
  constructor(
    readonly perDay: number,
    readonly days = DAYS,
  ) {
    this.#mean = new Float64Array(perDay)
    this.#count = new Float64Array(perDay)
  }

  /** NaN if nothing was seen at that time of the day. */
  at(slot: number): number {
    const phase = ((slot % this.perDay) + this.perDay) % this.perDay
    return this.#count[phase]! > 0 ? this.#mean[phase]! : NaN
  }

  note(slot: number, value: number): void {
    if (!Number.isFinite(value)) return
    const phase = ((slot % this.perDay) + this.perDay) % this.perDay
    const count = ++this.#count[phase]!
    this.#mean[phase]! += (value - this.#mean[phase]!) * Math.max(1 / count, 1 / this.days)
  }
}
