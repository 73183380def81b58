/** Questions that wait for their answer: by id, with a deadline, all rejected when the link goes. */
import type { Cancel, Clock } from '../clock.js'
import { HeliotropeError } from '../errors.js'
import type { Ms } from '../units.js'

interface Waiting<T> {
  resolve: (value: T) => void
  reject: (error: Error) => void
  cancel: Cancel
}

export class Calls<Id extends string, T> {
  readonly #clock: Clock
  readonly #waiting = new Map<Id, Waiting<T>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * @throws timeout after `deadline` ms; superseded when the same id is asked again; whatever `fail` or `failAll` was
   * given
   */
  wait(id: Id, what: string, deadline: Ms): Promise<T> {
    this.fail(id, new HeliotropeError('superseded', `${what} was asked again`))
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(deadline, () => {
        this.#waiting.delete(id)
        reject(new HeliotropeError('timeout', `no answer to ${what} within ${deadline} ms`))
      })
      this.#waiting.set(id, { resolve, reject, cancel })
    })
  }

  answer(id: Id, value: T): boolean {
    const waiting = this.#take(id)
    waiting?.resolve(value)
    return waiting !== undefined
  }

  fail(id: Id, error: Error): boolean {
    const waiting = this.#take(id)
    waiting?.reject(error)
    return waiting !== undefined
  }

  failAll(error: Error): void {
    for (const id of [...this.#waiting.keys()]) this.fail(id, error)
  }

  get size(): number {
    return this.#waiting.size
  }

  #take(id: Id): Waiting<T> | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.cancel()
    return waiting
  }
}
