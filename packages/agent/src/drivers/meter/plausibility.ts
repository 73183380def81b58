/**
 * Holds back a value that a device does not reach at once. A glitch never gets through, a true step does when it lasts;
 * a step by a factor of a thousand is taken for a change of unit, and gets through only when it is gone again.
 */
import { HOUR, MINUTE } from '@heliotrope/shared'
import type { Ms, W } from '@heliotrope/shared'

/** Weather, load and switching stay below both from one reading to the next, nearly always. */
const JUMP_FACTOR = 20
const JUMP_W: W = 100
/** Readings that agree before a step is believed. */
const CONFIRM = 3
const AGREE_FACTOR = 3
/** After a longer silence any value may be right. */
const SILENCE_MS: Ms = 10 * MINUTE
/** A change of firmware or of a config takes less. */
const UNIT_SILENCE_MS: Ms = HOUR
/** Steps of units: kilo and mega, either way. */
const UNIT_FACTORS = [1e3, 1e6]
/** Below this a step by a thousand may be a device that wakes up. */
const UNIT_FROM_W: W = 20

export interface Doubt {
  why: string
  remedy: string
}

export class Plausibility {
  #believed: { valueW: W; at: Ms } | undefined
  #waiting: W[] = []
  #unitDoubt = false

  /** @param mono the clock that never goes back. @returns why the value is not believed now; undefined: it is */
  doubt(valueW: W, mono: Ms): Doubt | undefined {
    const before = this.#believed
    if (!before || !isJump(before.valueW, valueW)) return this.#believe(valueW, mono)
    const silence = mono - before.at
    const step = `it jumped from ${round(before.valueW)} W to ${round(valueW)} W`
    if (this.#unitDoubt || (silence < UNIT_SILENCE_MS && isUnitStep(before.valueW, valueW))) {
      // Nothing is nothing in any unit, and it does not end the doubt.
      if (Math.abs(valueW) < 1) return undefined
      this.#unitDoubt = true
      return {
        why: `${step}, as if its unit had changed`,
        remedy: 'compare with the device and correct `unit`; if the value is right, restart the agent',
      }
    }
    if (silence > SILENCE_MS) return this.#believe(valueW, mono)
    const previous = this.#waiting.at(-1)
    const agrees = previous !== undefined && factor(previous, valueW) <= AGREE_FACTOR
    this.#waiting = agrees ? [...this.#waiting, valueW] : [valueW]
    if (this.#waiting.length >= CONFIRM) return this.#believe(valueW, mono)
    return {
      why: `${step}; it is believed if ${CONFIRM - this.#waiting.length} more readings agree`,
      remedy: 'if this meter may do so, set `jumps: accept`',
    }
  }

  #believe(valueW: W, at: Ms): undefined {
    this.#believed = { valueW, at }
    this.#waiting = []
    this.#unitDoubt = false
  }
}

const round = (valueW: W): number => Number(valueW.toPrecision(4))

/** How many times the one is the other, at least 1; below a watt all is the same. A change of sign counts in full. */
function factor(a: W, b: W): number {
  const [low, high] = [Math.max(1, Math.min(Math.abs(a), Math.abs(b))), Math.max(1, Math.abs(a), Math.abs(b))]
  return a * b < -1 ? high : high / low
}

const isJump = (a: W, b: W): boolean => Math.abs(a - b) >= JUMP_W && factor(a, b) >= JUMP_FACTOR

/** Half to double of a step of units: the true value went on while the unit changed. */
function isUnitStep(a: W, b: W): boolean {
  const ratio = Math.abs(b / a)
  return (
    Math.abs(a) >= UNIT_FROM_W &&
    UNIT_FACTORS.some(step => [step, 1 / step].some(one => ratio > one / 2 && ratio < one * 2))
  )
}
