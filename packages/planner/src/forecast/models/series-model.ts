/**
 * One series: several models side by side, each trained on the past only, and their blend by horizon.
 *
 * References (persistence, same hour yesterday, climatology and their mix), a linear model on the features that follows
 * the site's own meter, and trees on what that leaves over. Every slot each horizon's forecast is kept as it was given;
 * when the slot is over, models, weights and bands learn from it. So nothing is ever fitted to what it is scored on.
 */
import type { BoostedTrees } from '../learn/boosted-trees.js'
import { ConvexBlend } from '../learn/convex-blend.js'
import { ErrorBand } from '../learn/error-band.js'
import { LeastSquares } from '../learn/least-squares.js'
import type { WeatherView } from '../weather/weather-runs.js'
import { ScoreKeeper } from './score-keeper.js'
import type { SeriesFeatures } from './series-features.js'
import type { SeriesMemory } from './series-memory.js'
import { StudyForecaster } from './swt.js'
import { TrainingStore } from './training-store.js'

export const MODEL_NAMES = [
  'persistence',
  'yesterday',
  'climatology',
  'mix',
  'meter',
  'trees',
  'blend',
  'swt',
] as const
const WIDTH = MODEL_NAMES.length
const [MIX, METER, TREES, BLEND, SWT] = [3, 4, 5, 6, 7]
/** A horizon is given to the models only after so many forecasts of it were scored. */
const TRIAL = 24
/** The highest yet is not the highest ever. */
const ABOVE_SEEN = 1.15
const FORGET = 0.9997
/** Coefficients are believed to be within about the root of this of where they begin. */
const DOUBT = 0.05

/**
 * Variance that the linear model begins with, in units of its noise. Errors of neighbouring hours are nearly one error, the
 * more so the further ahead: so many hours of them count as one.
 */
function doubt(noise: number, hours: number): number {
  return DOUBT / (noise * noise * hours * (1 + Math.min(12, hours / 2)))
}

export interface SeriesModelOptions {
  memory: SeriesMemory
  features: SeriesFeatures
  maxLead: number
  slotsPerHour: number
  /** Forecasts stay within 0 and this share of the scale, or somewhat above what was ever seen, if that is more. */
  ceiling: number
  trees: boolean
}

export interface Outlook {
  p10: number
  p50: number
  p90: number
}

export class SeriesModel {
  readonly memory: SeriesMemory
  readonly features: SeriesFeatures
  readonly #options: SeriesModelOptions
  readonly #scores: ScoreKeeper
  readonly #linear: LeastSquares[]
  readonly #mix: ConvexBlend[]
  readonly #blend: ConvexBlend[]
  readonly #bands: ErrorBand[]
  readonly #store: TrainingStore
  readonly #width: number
  readonly #rowWidth: number
  /** As given at each origin, by origin modulo maxLead, then lead: features, then models, then p10, p50, p90. */
  readonly #ring: Float64Array
  readonly #ringOrigin: Float64Array
  #trees: BoostedTrees | undefined
  readonly #study = new StudyForecaster()
  /** What was declared may be out of date: sites grow. */
  #ceiling: number

  constructor(options: SeriesModelOptions) {
    const { features, maxLead, slotsPerHour } = options
    this.#options = options
    this.#ceiling = options.ceiling
    this.memory = options.memory
    this.features = features
    this.#width = features.width + features.extras
    this.#rowWidth = this.#width + WIDTH + 3
    const leads = <T>(make: (lead: number) => T): T[] =>
      Array.from({ length: maxLead + 1 }, (_, lead) => make(lead))
    this.#linear = leads(
      lead =>
        new LeastSquares({
          prior: features.prior(lead),
          variance: doubt(features.noise, Math.max(1, lead) / slotsPerHour),
          forget: FORGET,
        }),
    )
    this.#mix = leads(() => new ConvexBlend([1, 1, 1]))
    this.#blend = leads(() => new ConvexBlend([0.2, 1, options.trees ? 1 : 0.01]))
    this.#bands = leads(() => new ErrorBand(features.conditions))
    this.#scores = new ScoreKeeper(features.study ? MODEL_NAMES : MODEL_NAMES.slice(0, SWT), METER, maxLead)
    this.#store = new TrainingStore(this.#width)
    this.#ring = new Float64Array(maxLead * (maxLead + 1) * this.#rowWidth)
    this.#ringOrigin = new Float64Array(maxLead).fill(-1)
  }

  /** The slot is over. @param value share of the scale, NaN if it was not measured; slots come in order */
  observe(slot: number, value: number, view: WeatherView): void {
    if (Number.isFinite(value)) {
      this.#ceiling = Math.max(this.#ceiling, ABOVE_SEEN * value)
      if (!this.features.dark(slot)) this.#learn(slot, value)
    }
    const { study } = this.features
    if (study && this.memory.values.last >= 0) this.#study.learn(study(slot), value)
    this.memory.note(slot, value)
    this.features.note(slot, view)
    if (this.#options.trees && this.#store.due) this.#trees = this.#store.train()
  }

  /** Makes and keeps what is forecast from this origin; after `observe` of it. */
  prepare(origin: number, view: WeatherView): void {
    const { maxLead } = this.#options
    const index = origin % maxLead
    this.#ringOrigin[index] = origin
    this.features.begin(origin, view)
    for (let lead = 1; lead <= maxLead; lead++)
      this.#make(origin + lead, lead, this.#ring, this.#row(index, lead))
  }

  /** What the present origin expects of a slot after it. */
  outlook(origin: number, slot: number): Outlook {
    const { maxLead } = this.#options
    const lead = Math.max(1, slot - origin)
    const index = ((origin % maxLead) + maxLead) % maxLead
    if (lead <= maxLead && this.#ringOrigin[index] === origin)
      return this.#given(this.#ring, this.#row(index, lead))
    // Beyond what was learnt: the features of that slot, the models of the last horizon.
    const row = new Float64Array(this.#rowWidth)
    this.#make(slot, Math.min(lead, maxLead), row, 0)
    return this.#given(row, 0)
  }

  /** Expected from the newest origin, without a new object: for features of other series. */
  expected(origin: number, slot: number): number {
    const { maxLead } = this.#options
    const lead = slot - origin
    const index = origin % maxLead
    if (lead < 1 || lead > maxLead || this.#ringOrigin[index] !== origin) return this.memory.usual(slot)
    return this.#ring[this.#row(index, lead) + this.#width + WIDTH + 1]!
  }

  scores = (unit: number): ReturnType<ScoreKeeper['scores']> => this.#scores.scores(unit)

  #learn(slot: number, value: number): void {
    const { maxLead } = this.#options
    const ring = this.#ring
    for (let lead = 1; lead <= maxLead; lead++) {
      const origin = slot - lead
      const index = ((origin % maxLead) + maxLead) % maxLead
      if (this.#ringOrigin[index] !== origin) continue
      const row = this.#row(index, lead)
      const models = row + this.#width
      const given = models + WIDTH
      const p50 = ring[given + 1]!
      const band: [number, number, number] = [ring[given]!, p50, ring[given + 2]!]
      this.#scores.note(lead, band, ring, models, value)
      this.#bands[lead]!.update(this.features.condition(slot, p50), value - p50)
      this.#blend[lead]!.update(ring, models + MIX, value)
      this.#mix[lead]!.update(ring, models, value)
      if (this.#options.trees)
        this.#store.offer(slot, lead, ring, row, (value - ring[models + METER]!) / this.#usualError(lead))
      this.#linear[lead]!.update(ring, row, value)
    }
  }

  #make(slot: number, lead: number, out: Float64Array, row: number): void {
    const { memory, features } = this
    const ceiling = this.#ceiling
    const models = row + this.#width
    const given = models + WIDTH
    const origin = slot - lead
    features.fill(slot, lead, out, row)
    const usual = memory.usual(slot)
    const persistence = memory.persistence()
    out[models] = Number.isFinite(persistence) ? persistence : usual
    out[models + 1] = memory.yesterday(origin, slot)
    out[models + 2] = usual
    out[models + MIX] = this.#mix[lead]!.mix(out, models)
    const linear = this.#linear[lead]!.predict(out, row)
    out[models + METER] = Math.min(ceiling, Math.max(0, linear))
    const more = this.#trees === undefined ? 0 : this.#trees.predict(out, row) * this.#usualError(lead)
    out[models + TREES] = Math.min(ceiling, Math.max(0, linear + more))
    out[models + BLEND] = this.#blend[lead]!.mix(out, models + MIX)
    out[models + SWT] = features.study ? this.#study.forecast(features.study(slot)) : 0
    const dark = features.dark(slot)
    const p50 = dark ? 0 : this.#chosen(lead, out, models)
    const condition = features.condition(slot, p50)
    const band = this.#bands[lead]!
    out[given] = dark ? 0 : Math.max(0, p50 + band.low(condition))
    out[given + 1] = p50
    out[given + 2] = dark ? 0 : Math.min(ceiling, p50 + band.high(condition))
  }

  /** The blend, or the reference that did better lately: what shows no skill is not used. */
  #chosen(lead: number, out: Float64Array, models: number): number {
    let best = BLEND
    if (this.#scores.count(lead) >= TRIAL)
      for (let k = 0; k <= MIX; k++)
        if (this.#scores.mae(lead, k) < this.#scores.mae(lead, best) * (best === BLEND ? 0.995 : 1)) best = k
    return out[models + best]!
  }

  /** Of the linear model at that horizon: the trees see all horizons as one size. */
  #usualError(lead: number): number {
    return Math.max(1e-4, this.#scores.count(lead) < TRIAL ? 0.1 : this.#scores.mae(lead, METER))
  }

  #given(from: Float64Array, row: number): Outlook {
    const given = row + this.#width + WIDTH
    return { p10: from[given]!, p50: from[given + 1]!, p90: from[given + 2]! }
  }

  #row = (index: number, lead: number): number =>
    (index * (this.#options.maxLead + 1) + lead) * this.#rowWidth
}
