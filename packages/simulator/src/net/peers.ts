/** The control connections between movers: who the Grant names, in-process, with the network's delay and cuts. */
import type { Peer, PeerMessage } from '@heliotrope/agent'
import type { Cancel, Clock, HostId, MoveId, Ms } from '@heliotrope/shared'
import type { Network } from './network.js'

/** How long a source waits before it connects again, and how long silence takes to be noticed. */
const RECONNECT_MS: Ms = 1_000
const SILENCE_MS: Ms = 15_000

/** One connection. Either end closes for itself; what was sent before arrives before the close does. */
interface Session {
  from: HostId
  to: HostId
}

export class Peers {
  readonly #clock: Clock
  readonly #network: Network
  readonly #listening = new Map<MoveId, SimPeer>()

  constructor(clock: Clock, network: Network) {
    this.#clock = clock
    this.#network = network
  }

  /** The target's end. */
  listener(move: MoveId): Peer {
    const peer: SimPeer = new SimPeer(this.#clock, this.#network, {
      start: () => void this.#listening.set(move, peer),
      stop: () => {
        if (this.#listening.get(move) === peer) this.#listening.delete(move)
      },
    })
    return peer
  }

  /** The source's end: connects, and connects again. */
  connector(move: MoveId, from: HostId, to: HostId): Peer {
    let cancel: Cancel = () => {}
    const attempt = (): void => {
      const other = this.#listening.get(move)
      const delay = this.#network.delayMs(from, to)
      if (other && !peer.connected && this.#network.up(from, to)) {
        const session: Session = { from, to }
        other.join(session, peer)
        peer.join(session, other)
      }
      watchdog()
      cancel = this.#clock.after(RECONNECT_MS + delay, attempt)
    }
    let downSince: Ms | undefined
    /** Heartbeats would notice a dead line. */
    const watchdog = (): void => {
      if (this.#network.up(from, to)) downSince = undefined
      else downSince ??= this.#clock.mono()
      if (downSince !== undefined && this.#clock.mono() - downSince >= SILENCE_MS) peer.lose()
    }
    const peer: SimPeer = new SimPeer(this.#clock, this.#network, {
      start: () => {
        cancel = this.#clock.after(this.#network.delayMs(from, to), attempt)
      },
      stop: () => cancel(),
    })
    return peer
  }
}

class SimPeer implements Peer {
  onMessage: (message: PeerMessage) => void = () => {}
  onChange: () => void = () => {}
  readonly #clock: Clock
  readonly #network: Network
  readonly #life: { start(): void; stop(): void }
  #session: Session | undefined
  #other: SimPeer | undefined

  constructor(clock: Clock, network: Network, life: { start(): void; stop(): void }) {
    this.#clock = clock
    this.#network = network
    this.#life = life
  }

  get connected(): boolean {
    return this.#session !== undefined
  }

  join(session: Session, other: SimPeer): void {
    this.#session = session
    this.#other = other
    this.onChange()
  }

  send(message: PeerMessage): void {
    const [session, other] = [this.#session, this.#other]
    if (!session || !other) return
    const copy = structuredClone(message)
    this.#later(session, () => {
      if (other.#session === session) other.onMessage(copy)
    })
  }

  /** Silence was taken for a dead line, at both ends. */
  lose(): void {
    const [session, other] = [this.#session, this.#other]
    if (!session) return
    this.#leave(session)
    if (other) other.#leave(session)
  }

  async start(): Promise<void> {
    this.#life.start()
  }

  async stop(): Promise<void> {
    this.#life.stop()
    this.onMessage = () => {}
    const [session, other] = [this.#session, this.#other]
    if (!session) return
    this.#leave(session)
    this.#later(session, () => {
      if (other) other.#leave(session)
    })
  }

  #leave(session: Session): void {
    if (this.#session !== session) return
    this.#session = undefined
    this.onChange()
  }

  #later({ from, to }: Session, act: () => void): void {
    this.#clock.after(this.#network.delayMs(from, to), () => {
      if (this.#network.up(from, to)) act()
    })
  }
}
