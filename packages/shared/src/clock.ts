/**
 * Time is a parameter. `wall` may jump (an operator, NTP, a snapshot) and is used for dates only; `mono` never goes
 * back and is used for every deadline, so that a clock jump changes no decision of safety (I12).
 */
import type { Ms } from './units.js'

export type Cancel = () => void

export interface Clock {
  /** Milliseconds since 1970 UTC; may jump. */
  wall(): Ms
  /** Milliseconds since an arbitrary start; only ever rises. */
  mono(): Ms
  /** Calls `fn` once, `delay` ms of `mono` from now. */
  after(delay: Ms, fn: () => void): Cancel
}

/** The machine's clock. The only place that reads it. */
export function systemClock(): Clock {
  return {
    wall: () => Date.now(),
    mono: () => performance.now(),
    after(delay, fn) {
      let timer: NodeJS.Timeout
      // setTimeout counts to 2^31 - 1 ms, 24.8 days, and takes more for 1.
      const arm = (rest: Ms): void => {
        const step = Math.min(rest, 0x7fffffff)
        timer = setTimeout(() => (rest > step ? arm(rest - step) : fn()), step)
      }
      arm(delay)
      return () => clearTimeout(timer)
    },
  }
}

/** Resolves after `delay` ms, or rejects with the signal's reason. */
export function sleep(clock: Clock, delay: Ms, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const onAbort = (): void => {
      cancel()
      reject(signal?.reason as Error)
    }
    const cancel = clock.after(delay, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** A pause that somebody may cut short. One at a time. */
export class Nap {
  readonly #clock: Clock
  #wake: () => void = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves after `delay` ms, or when it is woken. */
  sleep(delay: Ms): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        cancel()
        this.#wake = () => {}
        resolve()
      }
      const cancel = this.#clock.after(delay, done)
      this.#wake = done
    })
  }

  /** Ends the pause; nothing if there is none. */
  wake(): void {
    this.#wake()
  }
}

/** Calls `fn` every `period` ms until cancelled; a slow `fn` delays the next call instead of piling up. */
export function every(clock: Clock, period: Ms, fn: () => void | Promise<void>): Cancel {
  let stopped = false
  let cancel: Cancel = () => {}
  const arm = (): void => {
    if (stopped) return
    cancel = clock.after(period, () => {
      Promise.resolve()
        .then(fn)
        .finally(arm)
        .catch(() => {})
    })
  }
  arm()
  return () => {
    stopped = true
    cancel()
  }
}
