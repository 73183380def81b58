/** Weather forecasts as issued: which was out when, and what it says of a slot. */
import type { Ms } from '@heliotrope/shared'
import type { IssuedWeather } from '../inputs.js'

/** What was expected of one slot; NaN where nothing is known. */
export interface SlotWeather {
  ghiWm2: number
  tempC: number
  windMs: number
  gridGPerKWh: number
}

type Field = keyof SlotWeather
const FIELDS: readonly Field[] = ['ghiWm2', 'tempC', 'windMs', 'gridGPerKWh']
/** Below this the clear sky is too dark to tell how clear it is. */
const DARK_WM2 = 5

/** One run, as rows first and as slots when it is first asked. */
class Run {
  readonly rows = new Map<Ms, IssuedWeather>()
  #slots: { first: number; values: Record<Field, Float64Array> } | undefined

  constructor(
    readonly issuedAt: Ms,
    readonly knownAt: Ms,
  ) {}

  add(row: IssuedWeather): boolean {
    if (this.rows.has(row.validAt)) return false
    this.rows.set(row.validAt, row)
    this.#slots = undefined
    return true
  }

  at(field: Field, slot: number, slotMs: Ms, clearSkyWm2: (slot: number) => number): number {
    this.#slots ??= this.#expand(slotMs, clearSkyWm2)
    return this.#slots.values[field][slot - this.#slots.first] ?? NaN
  }

  #expand(
    slotMs: Ms,
    clearSky: (slot: number) => number,
  ): { first: number; values: Record<Field, Float64Array> } {
    const rows = [...this.rows.values()].sort((a, b) => a.validAt - b.validAt)
    const end = rows.reduce((latest, row) => Math.max(latest, row.validAt + row.spanMs), 0)
    const first = Math.floor((rows[0]?.validAt ?? 0) / slotMs)
    const length = rows.length === 0 ? 0 : Math.min(24 * 20, Math.ceil(end / slotMs) - first)
    const values = Object.fromEntries(
      FIELDS.map(field => [field, new Float64Array(length).fill(NaN)]),
    ) as Record<Field, Float64Array>
    for (const field of ['tempC', 'windMs', 'gridGPerKWh'] as const)
      interpolate(values[field], rows, field, first, slotMs)
    for (const row of rows) spread(values.ghiWm2, row, first, slotMs, clearSky)
    return { first, values }
  }
}

/** Linear between the middles of the rows; beyond the outermost middles, within the row, as it is there. */
function interpolate(
  out: Float64Array,
  rows: IssuedWeather[],
  field: Field,
  first: number,
  slotMs: Ms,
): void {
  const known = rows.filter(row => Number.isFinite(row[field]))
  let next = 0
  for (let i = 0; i < out.length; i++) {
    const middle = (first + i + 0.5) * slotMs
    while (next < known.length && known[next]!.validAt + known[next]!.spanMs / 2 < middle) next++
    const [before, after] = [known[next - 1], known[next]]
    const within = (row: IssuedWeather | undefined): boolean =>
      row !== undefined && middle >= row.validAt && middle < row.validAt + row.spanMs
    if (before && after) {
      const [left, right] = [before.validAt + before.spanMs / 2, after.validAt + after.spanMs / 2]
      // A hole in the run is no line through it.
      if (right - left > 4 * Math.max(before.spanMs, slotMs)) continue
      const share = right > left ? (middle - left) / (right - left) : 0
      out[i] = before[field]! * (1 - share) + after[field]! * share
    } else if (within(before)) out[i] = before![field]!
    else if (within(after)) out[i] = after![field]!
  }
}

/** A mean over hours becomes slots in the proportion of the clear sky, so that its sum stays. */
function spread(
  out: Float64Array,
  row: IssuedWeather,
  first: number,
  slotMs: Ms,
  clearSky: (slot: number) => number,
): void {
  const mean = row.ghiWm2
  if (mean === undefined || !Number.isFinite(mean)) return
  const from = Math.floor(row.validAt / slotMs)
  const to = Math.max(from + 1, Math.round((row.validAt + row.spanMs) / slotMs))
  let clear = 0
  for (let slot = from; slot < to; slot++) clear += clearSky(slot) / (to - from)
  for (let slot = from; slot < to; slot++) {
    const index = slot - first
    if (index < 0 || index >= out.length) continue
    const share = clear > DARK_WM2 && to - from > 1 ? clearSky(slot) / clear : 1
    out[index] = Math.max(0, mean) * share
  }
}

export class WeatherRuns {
  /** Newest issue first. */
  #runs: Run[] = []
  readonly #slotMs: Ms
  readonly #clearSkyWm2: (slot: number) => number

  constructor(slotMs: Ms, clearSkyWm2: (slot: number) => number) {
    this.#slotMs = slotMs
    this.#clearSkyWm2 = clearSkyWm2
  }

  get any(): boolean {
    return this.#runs.length > 0
  }

  /** @returns false for a row that was given before: the first stands */
  add(row: IssuedWeather): boolean {
    let index = this.#runs.findIndex(run => run.issuedAt <= row.issuedAt)
    if (index < 0) index = this.#runs.length
    if (this.#runs[index]?.issuedAt !== row.issuedAt)
      this.#runs.splice(index, 0, new Run(row.issuedAt, row.knownAt))
    return this.#runs[index]!.add(row)
  }

  /** Runs that were known at `now` and can say nothing newer than a later one; keeps `count` of them. */
  forget(now: Ms, count = 6): void {
    const known = this.#runs.findIndex(run => run.knownAt <= now)
    if (known >= 0) this.#runs.length = Math.min(this.#runs.length, known + count)
  }

  /** What was known at `now`. */
  view(now: Ms): WeatherView {
    const from = this.#runs.findIndex(run => run.knownAt <= now)
    const known = from < 0 ? [] : this.#runs.slice(from, from + 4)
    return new WeatherView(known, this.#slotMs, this.#clearSkyWm2)
  }
}

export class WeatherView {
  constructor(
    readonly runs: readonly Run[],
    readonly slotMs: Ms,
    readonly clearSkyWm2: (slot: number) => number,
  ) {}

  /** When the run was issued that comes first; NaN if none is known. */
  get issuedAt(): Ms {
    return this.runs[0]?.issuedAt ?? NaN
  }

  /**
   * From the newest run that has a value there, NaN if none.
   * @param skip so many of those runs are passed over: 1 gives what the run before said
   */
  at(field: Field, slot: number, skip = 0): number {
    let left = skip
    let value = NaN
    for (const run of this.runs) {
      const found = run.at(field, slot, this.slotMs, this.clearSkyWm2)
      if (Number.isNaN(found)) continue
      value = found
      if (left-- <= 0) break
    }
    return value
  }
}
