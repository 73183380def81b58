/** Seeded processes over time: first-order autoregressive in fixed steps, linear in between. */
import type { Fraction, Ms } from '@heliotrope/shared'
import { seededRng } from '@heliotrope/shared'

export interface NoiseOptions {
  seed: number
  stepMs: Ms
  /** How much of the last value stays in the next; the rest is new. */
  persistence: Fraction
}

/**
 * A function of time since the start with mean 0 and standard deviation 1. The value at an instant does not depend on
 * when it was asked for, so two worlds that look at different instants see the same weather.
 */
export function noise(options: NoiseOptions): (since: Ms) => number {
  const { seed, stepMs, persistence } = options
  const rng = seededRng(seed)
  const fresh = Math.sqrt(1 - persistence ** 2)
  const values: number[] = []
  const value = (step: number): number => {
    while (values.length <= step) {
      const before = values.at(-1)
      const shock = gauss(rng.fraction(), rng.fraction())
      values.push(before === undefined ? shock : persistence * before + fresh * shock)
    }
    return values[step] as number
  }
  return since => {
    const position = Math.max(0, since) / stepMs
    const step = Math.floor(position)
    const share = position - step
    return value(step) * (1 - share) + value(step + 1) * share
  }
}

/** Box and Muller. */
const gauss = (a: number, b: number): number => Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b)

/** A seed of its own for each named thing of one world. */
export function seedFor(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ seed
  for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193)
  return hash >>> 0
}
