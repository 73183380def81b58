/** How each model did at each horizon; old errors fade, so that it tells of the last six weeks. */
import type { HorizonScore } from '../inputs.js'

const FADE = 1 / 1000
const QUANTILES = [0.1, 0.5, 0.9] as const

interface Sums {
  count: number
  mae: number
  covered: number
  pinball: number
  models: Float64Array
}

/** @returns mean pinball loss of the three quantiles */
export function pinballLoss(bounds: readonly [number, number, number], actual: number): number {
  let sum = 0
  QUANTILES.forEach((level, i) => {
    const error = actual - bounds[i]!
    sum += (error >= 0 ? level * error : (level - 1) * error) / 3
  })
  return sum
}

export class ScoreKeeper {
  readonly #names: readonly string[]
  /** The first so many of the names are references. */
  readonly #references: number
  readonly #sums: Sums[]

  constructor(names: readonly string[], references: number, horizons: number) {
    this.#names = names
    this.#references = references
    this.#sums = Array.from({ length: horizons + 1 }, () => ({
      count: 0,
      mae: 0,
      covered: 0,
      pinball: 0,
      models: new Float64Array(names.length),
    }))
  }

  /** @param forecasts of the models in the order of their names, from `offset` */
  note(
    horizon: number,
    given: readonly [p10: number, p50: number, p90: number],
    forecasts: Float64Array,
    offset: number,
    actual: number,
  ): void {
    const sums = this.#sums[horizon]!
    const rate = Math.max(FADE, 1 / ++sums.count)
    const [p10, p50, p90] = given
    sums.mae += rate * (Math.abs(actual - p50) - sums.mae)
    sums.covered += rate * ((actual >= p10 && actual <= p90 ? 1 : 0) - sums.covered)
    sums.pinball += rate * (pinballLoss(given, actual) - sums.pinball)
    for (let k = 0; k < sums.models.length; k++)
      sums.models[k]! += rate * (Math.abs(actual - forecasts[offset + k]!) - sums.models[k]!)
  }

  /** Mean absolute error of a model; NaN if it was never scored. */
  mae(horizon: number, model: number): number {
    const sums = this.#sums[horizon]!
    return sums.count > 0 ? sums.models[model]! : NaN
  }

  count(horizon: number): number {
    return this.#sums[horizon]!.count
  }

  /** @param unit what one of the scored units is */
  scores(unit: number): HorizonScore[] {
    return this.#sums.flatMap((sums, horizon) => {
      if (sums.count === 0) return []
      let best = 0
      for (let k = 1; k < this.#references; k++) if (sums.models[k]! < sums.models[best]!) best = k
      const reference = sums.models[best]!
      return {
        horizon,
        count: sums.count,
        mae: sums.mae * unit,
        models: Object.fromEntries(this.#names.map((name, k) => [name, sums.models[k]! * unit])),
        reference: this.#names[best]!,
        referenceMae: reference * unit,
        skill: reference > 0 ? 1 - sums.mae / reference : 0,
        coverage: sums.covered,
        pinball: sums.pinball * unit,
      }
    })
  }
}
