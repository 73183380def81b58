/** Where forecasts come from: what is asked, and what an answer says. One folder a format; all of it pure but the asking. */
import type { GCO2eqPerKWh, Ms } from '@heliotrope/shared'
import type { IssuedWeather } from '@heliotrope/planner'

export type SourceFlagCode =
  'missing' | 'duplicate' | 'backwards' | 'garbage' | 'unit' | 'out-of-range' | 'time-zone'

/** What was odd in an answer, in words for people; the rest of the answer was used. */
export interface SourceFlag {
  code: SourceFlagCode
  text: string
}

/** What the grid's intensity was; a mean over a time. */
export interface MeasuredGrid {
  at: Ms
  spanMs: Ms
  gridGPerKWh: GCO2eqPerKWh
}

/** What one answer holds. */
export interface Parsed {
  issued: IssuedWeather[]
  measured: MeasuredGrid[]
  flags: SourceFlag[]
}

export interface SourceRequest {
  /** Tells requests of one source apart: answers are cached under it. */
  name: string
  /** http, https, or a path of a file. */
  at: { url: string } | { path: string }
  headers: Record<string, string>
}

export interface ForecastSource {
  /** For people: `open-meteo`, `electricity-maps DE`. */
  name: string
  everyMs: Ms
  requests(now: Ms): SourceRequest[]
  /** @throws bad-input for an answer of which nothing can be used */
  parse(body: string, request: SourceRequest, receivedAt: Ms): Parsed
}

/** Adds up oddities of one kind instead of listing each. */
export class FlagList {
  readonly #counts = new Map<string, { code: SourceFlagCode; text: string; count: number }>()

  add(code: SourceFlagCode, text: string): void {
    const key = `${code} ${text}`
    const known = this.#counts.get(key)
    if (known) known.count++
    else if (this.#counts.size < 20) this.#counts.set(key, { code, text, count: 1 })
  }

  all(): SourceFlag[] {
    return [...this.#counts.values()].map(({ code, text, count }) => ({
      code,
      text: count > 1 ? `${text} (${count} times)` : text,
    }))
  }
}
