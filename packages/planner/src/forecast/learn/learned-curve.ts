/** A curve from one quantity to another, learnt from pairs of them: the site's own power curve. */

/** So many observations at one speed outweigh the curve of the data sheet. */
const PRIOR_WEIGHT = 3
/** Weight of the newest once many were seen: follows rebuilding and growth within some weeks. */
const PACE = 0.01

export class LearnedCurve {
  readonly #value: Float64Array
  readonly #weight: Float64Array
  readonly #step: number

  /** @param prior what is believed at first, for inputs 0, step, 2 step, ... */
  constructor(step: number, count: number, prior: (input: number) => number) {
    this.#step = step
    this.#value = Float64Array.from({ length: count }, (_, i) => prior(i * step))
    this.#weight = new Float64Array(count).fill(PRIOR_WEIGHT)
  }

  /** Linear between its points. */
  at(input: number): number {
    const place = Math.min(this.#value.length - 1.001, Math.max(0, input / this.#step))
    const left = Math.floor(place)
    const share = place - left
    return this.#smooth(left) * (1 - share) + this.#smooth(left + 1) * share
  }

  learn(input: number, output: number): void {
    const place = Math.min(this.#value.length - 1.001, Math.max(0, input / this.#step))
    const left = Math.floor(place)
    const share = place - left
    this.#pull(left, 1 - share, output)
    this.#pull(left + 1, share, output)
  }

  /** With its neighbours by what each has seen: a speed that is rare is read off those beside it. */
  #smooth(index: number): number {
    let [sum, weight] = [0, 0]
    for (let i = Math.max(0, index - 1); i <= Math.min(this.#value.length - 1, index + 1); i++) {
      const own = (i === index ? 2 : 1) * this.#weight[i]!
      sum += own * this.#value[i]!
      weight += own
    }
    return sum / weight
  }

  #pull(index: number, share: number, output: number): void {
    this.#weight[index]! = Math.min(1 / PACE, this.#weight[index]! + share)
    this.#value[index]! += (share * (output - this.#value[index]!)) / this.#weight[index]!
  }
}
