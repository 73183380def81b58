/** Watts from a counter of energy: how fast it rose over a window. A counter only rises; one that falls was reset. */
import { HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { Ms, W } from '@heliotrope/shared'

/** A rise over a longer pause says nothing about now. */
const LONGEST_PAUSE_MS: Ms = 15 * MINUTE

export class EnergyCounter {
  readonly #windowMs: Ms
  /** Oldest first. */
  #points: { at: Ms; joules: number }[] = []

  /** @param windowMs the rate is taken over this much time, as soon as there is so much */
  constructor(windowMs: Ms) {
    this.#windowMs = windowMs
  }

  /**
   * @param at when the counter stood there
   * @throws meter-failed at the first reading (`details.again`), and when counter or time went back
   */
  watts(joules: number, at: Ms): W {
    const last = this.#points.at(-1)
    if (last && joules < last.joules) {
      this.#points = [{ at, joules }]
      throw new HeliotropeError(
        'meter-failed',
        `its counter went back from ${last.joules} J to ${joules} J: reset, or another device`,
        {
          remedy: 'it counts anew from here; look at the device if this comes again',
          details: { again: true },
        },
      )
    }
    if (last && (at < last.at || at - last.at > LONGEST_PAUSE_MS)) this.#points = []
    if (this.#points.at(-1)?.at === at) this.#points.pop()
    this.#points.push({ at, joules })
    const first = this.#points.filter(point => at - point.at >= this.#windowMs).at(-1) ?? this.#points[0]
    if (!first || first.at === at)
      throw new HeliotropeError(
        'meter-failed',
        'a counter of energy tells watts from its second reading on',
        {
          details: { again: true },
        },
      )
    this.#points = this.#points.filter(point => point.at >= first.at)
    return (joules - first.joules) / ((at - first.at) / 1000)
  }
}
