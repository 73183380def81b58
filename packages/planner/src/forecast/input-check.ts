/** What was odd in the input: counted and explained, never silently used. */
import type { Ms } from '@heliotrope/shared'
import type { InputFlag } from './inputs.js'

export class InputCheck {
  readonly #flags = new Map<string, InputFlag>()

  flag(code: InputFlag['code'], at: Ms, text: string, count = 1): void {
    const known = this.#flags.get(code)
    this.#flags.set(code, { code, text, count: (known?.count ?? 0) + count, lastAt: at })
  }

  /**
   * @param most what the thing can give at most; beyond it the value is no measurement
   * @returns NaN for what cannot be used
   */
  value(what: string, at: Ms, value: number | undefined, most: number): number {
    if (value === undefined) return NaN
    if (!Number.isFinite(value)) {
      this.flag('not-a-number', at, `${what} was ${value}; the hour counts as not measured`)
      return NaN
    }
    if (value > most) {
      const bound = `more than ${most.toFixed(0)}, which is all it can be`
      this.flag('out-of-range', at, `${what} was ${value}, ${bound}; the hour counts as not measured`)
      return NaN
    }
    // Inverters at night draw a little; more is a meter with the wrong sign.
    if (value < -0.02 * most) this.flag('negative', at, `${what} was ${value}, below nothing; taken as 0`)
    return Math.max(0, value)
  }

  all(): InputFlag[] {
    return [...this.#flags.values()].map(flag => ({ ...flag }))
  }
}
