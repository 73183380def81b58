/** Quantiles of past errors, by horizon and condition, kept so that the share that they promise comes true. */

/** Fast at first, then a steady pace that follows the seasons. */
const PACE = 0.015
/** A little outside of p10 and p90: errors are known only after their horizon, and by then they have grown or shrunk. */
const LOW = 0.093
const HIGH = 0.907
/** The usual size of an error is known sooner than its quantiles: those are kept in units of it. */
const SCALE_PACE = 0.02

/**
 * One quantile tracked by its own misses: up a little when too low, down when too high, in the ratio of the quantile
 * (Robbins, Monro 1951; as adaptive conformal inference, Gibbs, Candès 2021). Whatever the errors' distribution, and while
 * it changes, the share below it tends to `level`.
 */
class Tracker {
  value = 0
  #count = 0

  /** @param error in units of the usual error */
  update(level: number, error: number): void {
    const step = 2 * Math.max(PACE, 0.5 / (1 + this.#count / 8))
    this.value += step * (level - (error < this.value ? 1 : 0))
    this.#count++
  }
}

export class ErrorBand {
  readonly #low: Tracker[]
  readonly #high: Tracker[]
  readonly #scale: Float64Array
  readonly #count: Float64Array

  /** @param conditions how many are told apart */
  constructor(readonly conditions: number) {
    this.#low = Array.from({ length: conditions }, () => new Tracker())
    this.#high = Array.from({ length: conditions }, () => new Tracker())
    this.#scale = new Float64Array(conditions)
    this.#count = new Float64Array(conditions)
  }

  /** How far p10 lies from the forecast; not above 0. */
  low(condition: number): number {
    return Math.min(0, this.#low[condition]!.value) * this.#scale[condition]!
  }

  /** How far p90 lies from the forecast; not below 0. */
  high(condition: number): number {
    return Math.max(0, this.#high[condition]!.value) * this.#scale[condition]!
  }

  /** @param error what came less what was forecast */
  update(condition: number, error: number): void {
    const count = ++this.#count[condition]!
    const size = Math.abs(error)
    const scale = this.#scale[condition]!
    // Less than this is no error, and dividing by it would overflow.
    if (scale > 1e-12) {
      this.#low[condition]!.update(LOW, error / scale)
      this.#high[condition]!.update(HIGH, error / scale)
    }
    this.#scale[condition]! += (size - scale) * Math.max(SCALE_PACE, 1 / count)
  }
}
