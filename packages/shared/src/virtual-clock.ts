/**
 * A clock for simulations and tests: time stands still until somebody advances it, and advances only when nothing is
 * pending. Two runs with the same calls see the same order: timers of the same instant fire in the order they were set.
 */
import type { Cancel, Clock } from './clock.js'
import type { Ms } from './units.js'

interface Timer {
  at: Ms
  order: number
  fn: () => void
  cancelled: boolean
}

export class VirtualClock implements Clock {
  #now: Ms = 0
  #order = 0
  #timers: Timer[] = []
  /** Offset of the wall clock; a test makes the wall jump by changing it. */
  epoch: Ms

  constructor(startWall: Ms = 0) {
    this.epoch = startWall
  }

  wall(): Ms {
    return this.epoch + this.#now
  }

  mono(): Ms {
    return this.#now
  }

  after(delay: Ms, fn: () => void): Cancel {
    const timer: Timer = { at: this.#now + Math.max(0, delay), order: this.#order++, fn, cancelled: false }
    push(this.#timers, timer)
    return () => {
      timer.cancelled = true
    }
  }

  /** When the next timer is due, or undefined. */
  next(): Ms | undefined {
    while (this.#timers[0]?.cancelled) pop(this.#timers)
    return this.#timers[0]?.at
  }

  /**
   * Runs all timers up to `mono` time `until`. After each it lets everything that became runnable run (promises and
   * immediates), so that no timer overtakes work that was already possible.
   */
  async advanceTo(until: Ms): Promise<void> {
    await settle()
    for (let due = this.next(); due !== undefined && due <= until; due = this.next()) {
      const timer = pop(this.#timers) as Timer
      this.#now = Math.max(this.#now, timer.at)
      timer.fn()
      await settle()
    }
    this.#now = Math.max(this.#now, until)
  }

  advance(by: Ms): Promise<void> {
    return this.advanceTo(this.#now + by)
  }
}

/** Lets all promises and immediates that are runnable now run. */
export async function settle(): Promise<void> {
  await new Promise<void>(resolve => setImmediate(resolve))
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A binary heap: a simulated day sets hundreds of thousands of timers. */
function push(heap: Timer[], timer: Timer): void {
  let i = heap.push(timer) - 1
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!before(timer, heap[parent] as Timer)) break
    heap[i] = heap[parent] as Timer
    i = parent
  }
  heap[i] = timer
}

function pop(heap: Timer[]): Timer | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (top === undefined || last === undefined || heap.length === 0) return top
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child++
    if (!before(heap[child] as Timer, last)) break
    heap[i] = heap[child] as Timer
    i = child
  }
  heap[i] = last
  return top
}
