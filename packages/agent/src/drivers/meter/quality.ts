/**
 * Says of each reading whether it may be believed: measured, estimated, stale or constant; or refuses it. Flags are
 * part of the sample, so that nobody uses a doubtful one without knowing.
 */
import { HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { MeterRole, Ms, Quality, W } from '@heliotrope/shared'
import type { Reading } from '../../ports.js'
import { Plausibility } from './plausibility.js'

export type { Reading }

export interface QualityRules {
  /** Older than this is `stale`. */
  staleAfterMs: Ms
  /** The same value for longer than this is `constant`; 0: never. */
  constantAfterMs: Ms
  /** What a value below zero means for this meter. */
  negative: 'reject' | 'zero' | 'keep'
  /** More than the source can give or draw: such a reading is refused. */
  maxW?: W | undefined
  /** Whether a jump must be confirmed by further readings (plausibility.ts). Default `confirm`. */
  jumps?: 'confirm' | 'accept' | undefined
}

export const defaultQualityRules: QualityRules = {
  staleAfterMs: MINUTE,
  constantAfterMs: 30 * MINUTE,
  negative: 'reject',
}

/** No meter of ours says more; the wire takes no more, either. */
const LARGEST_W: W = 1e9
/** A host that can be asked draws more. */
const LEAST_HOST_W: W = 1

export class QualityJudge {
  readonly #role: MeterRole
  readonly #rules: QualityRules
  readonly #plausibility = new Plausibility()
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
   * @throws meter-failed for NaN, infinities, a negative value where there can be none, more than `maxW`, a host without
   *   power, and a jump that is not confirmed yet
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
    this.#limits(valueW)
    const doubt = this.#rules.jumps === 'accept' ? undefined : this.#plausibility.doubt(valueW, mono)
    if (doubt) throw new HeliotropeError('meter-failed', doubt.why, { remedy: doubt.remedy })
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

  #limits(valueW: W): void {
    const { maxW } = this.#rules
    if (maxW !== undefined && Math.abs(valueW) > maxW)
      throw new HeliotropeError('meter-failed', `it says ${valueW} W, and its max_w is ${maxW}`, {
        remedy: 'has its unit changed? else correct max_w',
      })
    if (this.#role === 'host-power' && Math.abs(valueW) < LEAST_HOST_W)
      throw new HeliotropeError('meter-failed', `it says ${valueW} W, and a host that runs draws more`, {
        remedy: 'is its unit right, and is it the meter of this host?',
      })
  }
}
