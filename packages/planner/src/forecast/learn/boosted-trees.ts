/** Small gradient boosted regression trees for absolute error: what a linear model leaves over. Deterministic. */

export interface TreeOptions {
  trees: number
  depth: number
  /** Share of each tree that is taken. */
  rate: number
  /** Rows a leaf needs at least. */
  minLeaf: number
}

const BINS = 32

/** Rows of features (row-major), and what they should give. */
export interface TrainingRows {
  features: Float32Array
  targets: Float32Array
  rows: number
  width: number
}

/** Friedman (2001), Annals of Statistics 29(5): LAD boosting with histograms of quantile bins. */
export class BoostedTrees {
  /** Complete binary trees one after another; feature −1 marks a leaf. */
  readonly #feature: Int16Array
  readonly #threshold: Float32Array
  readonly #value: Float32Array
  readonly #nodes: number
  #trees = 0

  private constructor(options: TreeOptions) {
    this.#nodes = 2 ** (options.depth + 1) - 1
    this.#feature = new Int16Array(this.#nodes * options.trees).fill(-1)
    this.#threshold = new Float32Array(this.#nodes * options.trees)
    this.#value = new Float32Array(this.#nodes * options.trees)
  }

  /** @param offset where the row begins in `features` */
  predict(features: Float64Array | Float32Array, offset = 0): number {
    let sum = 0
    for (let tree = 0; tree < this.#trees; tree++) {
      const base = tree * this.#nodes
      let node = 0
      for (let feature = this.#feature[base]!; feature >= 0; feature = this.#feature[base + node]!)
        node = 2 * node + (features[offset + feature]! <= this.#threshold[base + node]! ? 1 : 2)
      sum += this.#value[base + node]!
    }
    return sum
  }

  static train(data: TrainingRows, options: TreeOptions): BoostedTrees {
    const model = new BoostedTrees(options)
    const { rows, width, targets } = data
    const edges = Array.from({ length: width }, (_, feature) => binEdges(data, feature))
    const codes = edges.map((edge, feature) => binCodes(data, feature, edge))
    const rest = Float32Array.from(targets.subarray(0, rows))
    const gradient = new Float32Array(rows)
    const node = new Uint16Array(rows)
    const scale = medianOf(rest.map(Math.abs)) || 1e-9
    let seed = 12345
    for (let tree = 0; tree < options.trees; tree++) {
      // Half of the rows and features a tree: less time, and the trees differ (stochastic boosting, Friedman 2002).
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      const bag: number[] = []
      for (
        let row = (seed >>> 16) & 1;
        row < rows;
        row += 1 + ((Math.imul(row + seed, 2654435761) >>> 28) & 3)
      )
        bag.push(row)
      for (const row of bag) gradient[row] = Math.min(1, Math.max(-1, rest[row]! / scale))
      const used = edges.map((_, feature) => feature).filter(f => ((seed >>> (f % 24)) & 3) !== 0)
      grow(model, tree, { bag, gradient, rest, node, codes, edges, used }, options)
      model.#trees++
      for (let row = 0; row < rows; row++)
        rest[row] = rest[row]! - model.#one(tree, data.features, row * width)
    }
    return model
  }

  #one(tree: number, features: Float32Array, offset: number): number {
    const base = tree * this.#nodes
    let node = 0
    for (let feature = this.#feature[base]!; feature >= 0; feature = this.#feature[base + node]!)
      node = 2 * node + (features[offset + feature]! <= this.#threshold[base + node]! ? 1 : 2)
    return this.#value[base + node]!
  }

  /** For `grow` below only. */
  split(tree: number, node: number, feature: number, threshold: number): void {
    this.#feature[tree * this.#nodes + node] = feature
    this.#threshold[tree * this.#nodes + node] = threshold
  }

  /** For `grow` below only. */
  leaf(tree: number, node: number, value: number): void {
    this.#value[tree * this.#nodes + node] = value
  }
}

interface Growing {
  bag: number[]
  gradient: Float32Array
  rest: Float32Array
  node: Uint16Array
  codes: Uint8Array[]
  edges: Float32Array[]
  used: number[]
}

function grow(model: BoostedTrees, tree: number, data: Growing, options: TreeOptions): void {
  const { gradient, rest, codes, edges, used } = data
  const sums = new Float64Array(BINS)
  const counts = new Float64Array(BINS)
  const visit = (node: number, depth: number, bag: number[]): void => {
    const best = depth < options.depth && bag.length >= 2 * options.minLeaf ? bestSplit(bag) : undefined
    if (best === undefined) {
      const size = bag.length
      model.leaf(
        tree,
        node,
        size === 0
          ? 0
          : (options.rate * size * medianOf(Float32Array.from(bag, row => rest[row]!))) / (size + 10),
      )
      return
    }
    model.split(tree, node, best.feature, edges[best.feature]![best.bin]!)
    const code = codes[best.feature]!
    visit(
      2 * node + 1,
      depth + 1,
      bag.filter(row => code[row]! <= best.bin),
    )
    visit(
      2 * node + 2,
      depth + 1,
      bag.filter(row => code[row]! > best.bin),
    )
  }
  const bestSplit = (bag: number[]): { feature: number; bin: number } | undefined => {
    let total = 0
    for (const row of bag) total += gradient[row]!
    let best: { feature: number; bin: number } | undefined
    let most = (total * total) / bag.length + 1e-6 * bag.length
    for (const feature of used) {
      sums.fill(0)
      counts.fill(0)
      const code = codes[feature]!
      for (const row of bag) {
        const bin = code[row]!
        sums[bin]! += gradient[row]!
        counts[bin]!++
      }
      let [sum, count] = [0, 0]
      for (let bin = 0; bin < edges[feature]!.length; bin++) {
        sum += sums[bin]!
        count += counts[bin]!
        const right = bag.length - count
        if (count < options.minLeaf || right < options.minLeaf) continue
        const gain = (sum * sum) / count + ((total - sum) * (total - sum)) / right
        if (gain > most) {
          most = gain
          best = { feature, bin }
        }
      }
    }
    return best
  }
  visit(0, 0, data.bag)
}

/** Rising values between which the bins lie: at most BINS − 1, at quantiles of a sample. */
function binEdges({ features, rows, width }: TrainingRows, feature: number): Float32Array {
  const stride = Math.max(1, Math.floor(rows / 2000))
  const sample = new Float32Array(Math.ceil(rows / stride))
  for (let i = 0; i < sample.length; i++) sample[i] = features[i * stride * width + feature]!
  sample.sort()
  const edges: number[] = []
  for (let bin = 1; bin < BINS; bin++) {
    const edge = sample[Math.floor((bin * sample.length) / BINS)]!
    if (edges.length === 0 || edge > edges.at(-1)!) edges.push(edge)
  }
  return Float32Array.from(edges)
}

function binCodes({ features, rows, width }: TrainingRows, feature: number, edges: Float32Array): Uint8Array {
  const codes = new Uint8Array(rows)
  for (let row = 0; row < rows; row++) {
    const value = features[row * width + feature]!
    let [low, high] = [0, edges.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (value <= edges[middle]!) high = middle
      else low = middle + 1
    }
    codes[row] = low
  }
  return codes
}

function medianOf(values: Float32Array): number {
  if (values.length === 0) return 0
  const sorted = values.sort()
  return sorted[sorted.length >>> 1]!
}
