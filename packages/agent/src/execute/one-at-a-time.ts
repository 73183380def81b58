/** What concerns one VM is done one after the other: an order to yield never overtakes a start that has begun. */
import type { VmId } from '@heliotrope/shared'

export class OneAtATime {
  readonly #last = new Map<VmId, Promise<unknown>>()

  /** Waits for what was begun before. @throws what `act` throws */
  async run<T>(vm: VmId, act: () => Promise<T>): Promise<T> {
    const before = this.#last.get(vm) ?? Promise.resolve()
    const mine = before.then(act, act)
    const quiet = mine.catch(() => {})
    this.#last.set(vm, quiet)
    try {
      return await mine
    } finally {
      if (this.#last.get(vm) === quiet) this.#last.delete(vm)
    }
  }
}
