/** The stream connections of all moves under way, found by move. */
import type { Clock, HostId, MoveId } from '@heliotrope/shared'
import type { Network } from './network.js'
import { StreamConnection } from './stream.js'

export class Streams {
  readonly #clock: Clock
  readonly #network: Network
  readonly #open = new Map<MoveId, { stream: StreamConnection; movers: number }>()

  constructor(clock: Clock, network: Network) {
    this.#clock = clock
    this.#network = network
  }

  /** Called by each mover that starts, and `leave` when it ends. */
  enter(move: MoveId, from: HostId, to: HostId): StreamConnection {
    const known = this.#open.get(move)
    if (known) {
      known.movers++
      return known.stream
    }
    const stream = new StreamConnection(this.#clock, this.#network, from, to)
    this.#open.set(move, { stream, movers: 1 })
    return stream
  }

  leave(move: MoveId): void {
    const known = this.#open.get(move)
    if (known && --known.movers === 0) this.#open.delete(move)
  }
}
