/** Quantiles of past errors, by horizon and condition, kept so that the share that they promise comes true. */

/** Fast at first, then a steady pace that follows the seasons. */
const PACE = 0.012

/**
 * One quantile tracked by its own misses: up a little when too low, down when too high, in the ratio of the quantile
 * (Robbins, Monro 1951; as adaptive conformal inference, Gibbs, Candès 2021). Whatever the errors' distribution, and while
 * it changes, the share below it tends to `level`.
 */
class Tracker {
  value = 0
  #count = 0

  update(level: number, error: number, scale: number): void {
    const step = scale * Math.max(PACE, 0.5 / (1 + this.#count / 8))
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
    return Math.min(0, this.#low[condition]!.value)
  }

  /** How far p90 lies from the forecast; not below 0. */
  high(condition: number): number {
    return Math.max(0, this.#high[condition]!.value)
  }

  /** @param error what came less what was forecast */
  update(condition: number, error: number): void {
    const count = ++this.#count[condition]!
    const size = Math.abs(error)
    this.#scale[condition]! += (size - this.#scale[condition]!) * Math.max(0.005, 1 / count)
    const scale = 2 * this.#scale[condition]!
    this.#low[condition]!.update(0.1, error, scale)
    this.#high[condition]!.update(0.9, error, scale)
  }
}
