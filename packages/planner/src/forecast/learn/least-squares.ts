/** Recursive least squares with forgetting: a linear model that follows what changes. */

export interface LeastSquaresOptions {
  /** Where the coefficients begin. */
  prior: readonly number[]
  /** How sure of that: variance of a coefficient at the beginning. */
  variance: number
  /** Weight of the past after one observation, just below 1. */
  forget: number
}

/**
 * Haykin, Adaptive Filter Theory, ch. 10. The covariance is kept from growing where a feature is silent for long
 * (nights, calms): there forgetting alone would make the next word count for everything.
 */
export class LeastSquares {
  readonly weights: Float64Array
  readonly #covariance: Float64Array
  readonly #gain: Float64Array
  readonly #forget: number
  readonly #bound: number

  constructor({ prior, variance, forget }: LeastSquaresOptions) {
    const size = prior.length
    this.weights = Float64Array.from(prior)
    this.#covariance = new Float64Array(size * size)
    for (let i = 0; i < size; i++) this.#covariance[i * size + i] = variance
    this.#gain = new Float64Array(size)
    this.#forget = forget
    this.#bound = variance * size
  }

  /** @param features from `offset`, as many as the prior has */
  predict(features: Float64Array, offset = 0): number {
    let sum = 0
    for (let i = 0; i < this.weights.length; i++) sum += this.weights[i]! * features[offset + i]!
    return sum
  }

  update(features: Float64Array, offset: number, target: number): void {
    const { weights } = this
    const [covariance, gain] = [this.#covariance, this.#gain]
    const size = weights.length
    let spread = 0
    for (let i = 0; i < size; i++) {
      let sum = 0
      for (let j = 0; j < size; j++) sum += covariance[i * size + j]! * features[offset + j]!
      gain[i] = sum
      spread += sum * features[offset + i]!
    }
    const denominator = this.#forget + spread
    const error = target - this.predict(features, offset)
    if (!(denominator > 0) || !Number.isFinite(error)) return
    let trace = 0
    for (let i = 0; i < size; i++) trace += covariance[i * size + i]!
    const grow = trace < this.#bound ? 1 / this.#forget : 1
    for (let i = 0; i < size; i++) {
      const step = gain[i]! / denominator
      weights[i]! += step * error
      for (let j = i; j < size; j++) {
        const value = (covariance[i * size + j]! - step * gain[j]!) * grow
        covariance[i * size + j] = value
        covariance[j * size + i] = value
      }
    }
  }
}
