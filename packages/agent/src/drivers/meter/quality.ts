/**
 * Says of each reading whether it may be believed: measured, estimated, stale or constant; or refuses it. Flags are
 * part of the sample, so that nobody uses a doubtful one without knowing.
 */
import { HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { MeterRole, Ms, Quality, W } from '@heliotrope/shared'

export interface Reading {
  valueW: W
  /** When it was true, wall clock. */
  at: Ms
  /** Calculated from something else than watts. */
  estimated?: boolean
}

export interface QualityRules {
  /** Older than this is `stale`. */
  staleAfterMs: Ms
  /** The same value for longer than this is `constant`; 0: never. */
  constantAfterMs: Ms
  /** What a value below zero means for this meter. */
  negative: 'reject' | 'zero' | 'keep'
}

export const defaultQualityRules: QualityRules = {
  staleAfterMs: MINUTE,
  constantAfterMs: 30 * MINUTE,
  negative: 'reject',
}

/** No meter of ours says more; the wire takes no more, either. */
const LARGEST_W: W = 1e9

export class QualityJudge {
  readonly #role: MeterRole
  readonly #rules: QualityRules
  #value: W | undefined
  #since: Ms = 0
  #lastAt: Ms = Number.NEGATIVE_INFINITY

  constructor(role: MeterRole, rules: QualityRules = defaultQualityRules) {
    this.#role = role
    this.#rules = rules
  }

  /**
   * @param now wall clock
   * @param mono for how long the value has stood still, whatever the wall clock does
   * @throws meter-failed for NaN, infinities, and a negative value where there can be none
   */
  judge(reading: Reading, now: Ms, mono: Ms): { valueW: W; at: Ms; quality: Quality } {
    let { valueW } = reading
    const { at, estimated = false } = reading
    if (!Number.isFinite(valueW) || Math.abs(valueW) > LARGEST_W)
      throw new HeliotropeError('meter-failed', `it says ${valueW} W`, {
        remedy: 'check its unit in the config',
      })
    if (!Number.isFinite(at)) throw new HeliotropeError('meter-failed', 'its reading has no time')
    if (valueW < 0 && this.#rules.negative !== 'keep') {
      if (this.#rules.negative === 'reject')
        throw new HeliotropeError(
          'meter-failed',
          `it says ${valueW} W, and ${this.#role} cannot be negative`,
          {
            remedy:
              'turn the clamp round, or set `negative: zero` (the source draws a little at night) or `negative: keep`',
          },
        )
      valueW = 0
    }
    if (valueW !== this.#value) {
      this.#value = valueW
      this.#since = mono
    }
    const { staleAfterMs, constantAfterMs } = this.#rules
    // A source without power says zero all night: that is the cautious value, and no sign of a fault.
    const mayRest = valueW === 0 && this.#role === 'green-power'
    const constant = constantAfterMs > 0 && !mayRest && mono - this.#since > constantAfterMs
    // A time that goes back is a reading from before.
    const stale = now - at > staleAfterMs || at < this.#lastAt - staleAfterMs
    this.#lastAt = Math.max(this.#lastAt, at)
    const quality = stale ? 'stale' : constant ? 'constant' : estimated ? 'estimated' : 'measured'
    // A time ahead of our clock would make a sample young for ever.
    return { valueW, at: Math.min(at, now), quality }
  }
}
