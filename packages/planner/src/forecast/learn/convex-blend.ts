/** Weights of several forecasts of one thing, non-negative and of sum 1, learnt from how each did. */

/**
 * How fast it follows, at first and then; each gradient is scaled to the usual error, so this has no unit. Slow, because the
 * errors of neighbouring hours are nearly the same error.
 */
const FIRST_RATE = 0.05
const RATE = 0.006
/** No weight dies: a model that was bad for a season may come back. */
const FLOOR = 0.002

/**
 * Exponentiated gradient on the absolute error (Kivinen, Warmuth 1997): in the long run no worse than the best fixed
 * convex mix chosen afterwards.
 */
export class ConvexBlend {
  readonly weights: Float64Array
  #scale = 0
  #count = 0

  constructor(prior: readonly number[]) {
    const sum = prior.reduce((total, weight) => total + weight, 0)
    this.weights = Float64Array.from(prior, weight => weight / sum)
  }

  /** @param forecasts one for each weight, from `offset` */
  mix(forecasts: Float64Array, offset = 0): number {
    let sum = 0
    for (let k = 0; k < this.weights.length; k++) sum += this.weights[k]! * forecasts[offset + k]!
    return sum
  }

  update(forecasts: Float64Array, offset: number, actual: number): void {
    const { weights } = this
    const mixed = this.mix(forecasts, offset)
    this.#count++
    const rate = Math.max(0.005, 1 / this.#count)
    let spread = 0
    for (let k = 0; k < weights.length; k++) spread += Math.abs(forecasts[offset + k]! - mixed)
    this.#scale += rate * (spread / weights.length - this.#scale)
    // Less apart than this is the same, and dividing by it would overflow.
    if (!(this.#scale > 1e-12) || mixed === actual) return
    const pace = Math.max(RATE, FIRST_RATE / Math.sqrt(1 + this.#count / 24))
    const sign = (mixed > actual ? 1 : -1) / this.#scale
    let sum = 0
    for (let k = 0; k < weights.length; k++) {
      const gradient = Math.min(5, Math.max(-5, sign * (forecasts[offset + k]! - mixed)))
      weights[k] = Math.max(FLOOR, weights[k]! * Math.exp(-pace * gradient))
      sum += weights[k]!
    }
    for (let k = 0; k < weights.length; k++) weights[k]! /= sum
  }
}
