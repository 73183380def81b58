// What a forecast must beat: persistence, the same hour yesterday, climatology, and their best convex mix.

const DAY = 24
/** Days of the running climatology. */
const RUNNING_DAYS = 30
/** Days to either side in the seasonal one, and those around the target that it does not see in its own year. */
const SEASON_DAYS = 30
const OWN_DAYS = 3

export const REFERENCES = ['persistence', 'yesterday', 'climatology', 'season', 'mix'] as const

/**
 * Forecasts of the four plain references for all hours, `horizon` hours before each hour is over; NaN where nothing is known.
 * `climatology` is the mean at that hour of the last 30 known days; `season` that of the same time in the training year.
 * @param values hour by hour; the first `training` of them are the training year
 */
export function plainReferences(values: Float64Array, training: number, horizon: number): Float64Array[] {
  const length = values.length
  const persistence = new Float64Array(length).fill(NaN)
  const yesterday = new Float64Array(length).fill(NaN)
  const climatology = new Float64Array(length).fill(NaN)
  const season = new Float64Array(length).fill(NaN)
  const days = Math.ceil(horizon / DAY)
  for (let hour = 0; hour < length; hour++) {
    persistence[hour] = values[hour - horizon] ?? NaN
    yesterday[hour] = values[hour - days * DAY] ?? NaN
    let [sum, known] = [0, 0]
    for (let day = days; day < days + RUNNING_DAYS; day++) {
      const value = values[hour - day * DAY]
      if (value === undefined || Number.isNaN(value)) continue
      sum += value
      known++
    }
    if (known > 0) climatology[hour] = sum / known
    ;[sum, known] = [0, 0]
    const inYear = hour < training ? hour : hour - Math.round(training / DAY) * DAY
    for (let day = -SEASON_DAYS; day <= SEASON_DAYS; day++) {
      if (hour < training && Math.abs(day) <= OWN_DAYS) continue
      const at = inYear + day * DAY
      const value = at < training ? values[at] : undefined
      if (value === undefined || Number.isNaN(value)) continue
      sum += value
      known++
    }
    if (known > 0) season[hour] = sum / known
  }
  return [persistence, yesterday, climatology, season]
}

export interface ChosenReference {
  name: (typeof REFERENCES)[number]
  weights: number[]
  forecast: Float64Array
}

/** The one with the least absolute error over `hours` of the training year; the mix by search in steps of a tenth. */
export function chooseReference(
  values: Float64Array,
  plain: readonly Float64Array[],
  hours: readonly number[],
): ChosenReference {
  const usable = hours.filter(
    hour => Number.isFinite(values[hour]) && plain.every(forecast => Number.isFinite(forecast[hour])),
  )
  const error = (weights: readonly number[]): number => {
    let sum = 0
    for (const hour of usable) {
      let mixed = 0
      for (let k = 0; k < plain.length; k++) mixed += weights[k]! * plain[k]![hour]!
      sum += Math.abs(values[hour]! - mixed)
    }
    return sum
  }
  let best = { weights: [1, 0, 0, 0], error: Infinity }
  for (let a = 0; a <= 10; a++)
    for (let b = 0; a + b <= 10; b++)
      for (let c = 0; a + b + c <= 10; c++) {
        const weights = [a / 10, b / 10, c / 10, (10 - a - b - c) / 10]
        const found = error(weights)
        if (found < best.error) best = { weights, error: found }
      }
  const { weights } = best
  const single = weights.findIndex(weight => weight === 1)
  const forecast = Float64Array.from(values, (_, hour) =>
    plain.reduce((sum, one, k) => sum + (weights[k]! > 0 ? weights[k]! * one[hour]! : 0), 0),
  )
  return { name: REFERENCES[single >= 0 ? single : 4]!, weights, forecast }
}
