/** Samples of what the linear model left over, for the trees; old ones give way, and the trees are grown anew at times. */
import { BoostedTrees } from '../learn/boosted-trees.js'

const ROWS = 16_000
/** Too few would be learnt by heart. */
const FIRST = 2_000
/** New rows after which it is worth to begin again, as a share of those that there are: two months of the last eight. */
const AGAIN = 0.3
/** Horizons taken of each slot: neighbours say nearly the same. */
const PER_SLOT = 3

export class TrainingStore {
  readonly #width: number
  #features: Float32Array
  #targets: Float32Array
  #rows = 0
  #next = 0
  #since = 0
  #trained = false

  constructor(width: number) {
    this.#width = width
    this.#features = new Float32Array(1_000 * width)
    this.#targets = new Float32Array(1_000)
  }

  get due(): boolean {
    return this.#trained ? this.#since >= AGAIN * this.#rows : this.#rows >= FIRST
  }

  /** Takes some horizons of each slot, others at the next, all equally often. */
  offer(slot: number, lead: number, from: Float64Array, offset: number, left: number): void {
    const every = 48 / PER_SLOT
    if ((slot * 5 + lead) % every !== 0) return
    if (this.#next >= this.#targets.length) {
      if (this.#targets.length >= ROWS) this.#next = 0
      else this.#grow()
    }
    const width = this.#width
    for (let i = 0; i < width; i++) this.#features[this.#next * width + i] = from[offset + i]!
    this.#targets[this.#next] = left
    this.#next++
    this.#rows = Math.max(this.#rows, this.#next)
    this.#since++
  }

  train(): BoostedTrees {
    this.#trained = true
    this.#since = 0
    const data = { features: this.#features, targets: this.#targets, rows: this.#rows, width: this.#width }
    return BoostedTrees.train(data, { trees: 60, depth: 5, rate: 0.1, minLeaf: 40 })
  }

  #grow(): void {
    const rows = Math.min(ROWS, 2 * this.#targets.length)
    const features = new Float32Array(rows * this.#width)
    const targets = new Float32Array(rows)
    features.set(this.#features)
    targets.set(this.#targets)
    this.#features = features
    this.#targets = targets
  }
}
