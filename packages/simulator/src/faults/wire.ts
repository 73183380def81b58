/** What can happen to one message on its way, for links of any kind. */
import type { Clock, Ms } from '@heliotrope/shared'

/** `swap`: overtaken by the next one. `replay`: it arrives, and again much later. */
export type Fate = 'lose' | 'double' | 'delay' | 'swap' | 'replay'
export const fates: readonly Fate[] = ['lose', 'double', 'delay', 'swap', 'replay']

/** One message about to leave. `stale`: words of earlier moves come with it. */
export interface Sending {
  fate: Fate | 'stale' | undefined
  /** To be called when it is on its way. */
  sent: () => void
}

const DELAY_MS: Ms = 20_000
const REPLAY_MS: Ms = 90_000
/** Nothing came to overtake it. */
const SWAP_MS: Ms = 3_000

/** One direction of a link. */
export class Wire<M> {
  readonly #clock: Clock
  readonly #deliver: (message: M, late: boolean) => void
  #held: M | undefined

  constructor(clock: Clock, deliver: (message: M, late: boolean) => void) {
    this.#clock = clock
    this.#deliver = deliver
  }

  send(message: M, fate: Fate | 'stale' | undefined): void {
    switch (fate) {
      case 'lose':
        return
      case 'delay':
        return this.#later(message, DELAY_MS)
      case 'swap':
        this.#release()
        this.#held = message
        this.#clock.after(SWAP_MS, () => {
          if (this.#held === message) this.#release()
        })
        return
      case 'double':
        this.#deliver(message, false)
        break
      case 'replay':
        this.#later(message, REPLAY_MS)
        break
      case 'stale':
      case undefined:
    }
    this.#deliver(message, false)
    this.#release()
  }

  #release(): void {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#deliver(held, true)
  }

  #later(message: M, delay: Ms): void {
    this.#clock.after(delay, () => this.#deliver(message, true))
  }
}
