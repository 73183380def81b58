/**
 * The control connections between movers, as the network and the faults of a run leave them: delays, cuts, lost and
 * repeated words, words of earlier moves, an end that dies with or without a goodbye.
 */
import type { Peer, PeerMessage } from '@heliotrope/agent'
import type { Cancel, Clock, HostCertificate, HostId, MoveId, Ms } from '@heliotrope/shared'
import type { Network } from '../net/network.js'
import { Wire } from './wire.js'
import type { Sending } from './wire.js'

const RECONNECT_MS: Ms = 1_000
const SILENCE_MS: Ms = 15_000

export interface PeerWiresPorts {
  clock: Clock
  network: Network
  /** Asked for each message; also the place where words are looked at. */
  said(from: HostId, to: HostId, move: MoveId, message: PeerMessage): Sending
}

export class PeerWires {
  readonly #ports: PeerWiresPorts
  readonly #listening = new Map<MoveId, PeerEnd>()
  /** Certificates of all moves, for those that come again in a later one. */
  readonly #words: { from: HostId; message: PeerMessage }[] = []

  constructor(ports: PeerWiresPorts) {
    this.#ports = ports
  }

  /** Ends that listen or are connected; none may be left when all is over. */
  get open(): number {
    return this.#listening.size
  }

  /** A certificate that a host has given out, by whatever path. */
  know(from: HostId, certificate: HostCertificate): void {
    this.#words.push({ from, message: { t: 'certificate', certificate } })
  }

  /** All connections end, at both ends. */
  drop(): void {
    for (const end of this.#listening.values()) end.lose()
  }

  listener(move: MoveId, own: HostId, other: HostId): PeerEnd {
    const end: PeerEnd = new PeerEnd(this.#ports, own, other, this.#said(move, own, other), {
      start: () => void this.#listening.set(move, end),
      stop: () => {
        if (this.#listening.get(move) === end) this.#listening.delete(move)
      },
    })
    return end
  }

  connector(move: MoveId, own: HostId, other: HostId): PeerEnd {
    const { clock, network } = this.#ports
    let cancel: Cancel = () => {}
    let downSince: Ms | undefined
    const attempt = (): void => {
      const there = this.#listening.get(move)
      const up = network.up(own, other)
      if (there && !end.connected && up) PeerEnd.join(end, there)
      if (up) downSince = undefined
      else downSince ??= clock.mono()
      // Heartbeats would notice a dead line.
      if (downSince !== undefined && clock.mono() - downSince >= SILENCE_MS) end.lose()
      cancel = clock.after(RECONNECT_MS + network.delayMs(own, other), attempt)
    }
    const end: PeerEnd = new PeerEnd(this.#ports, own, other, this.#said(move, own, other), {
      start: () => {
        cancel = clock.after(network.delayMs(own, other), attempt)
      },
      stop: () => cancel(),
    })
    return end
  }

  #said(move: MoveId, from: HostId, to: HostId) {
    return (message: PeerMessage): Sending & { stale: PeerMessage[] } => {
      const sending = this.#ports.said(from, to, move, message)
      const known = this.#words.filter(word => word.from === from).map(word => word.message)
      return { ...sending, stale: sending.fate === 'stale' ? known : [] }
    }
  }
}

type Say = (message: PeerMessage) => Sending & { stale: PeerMessage[] }

/** One end. */
export class PeerEnd implements Peer {
  onMessage: (message: PeerMessage) => void = () => {}
  onChange: () => void = () => {}
  readonly #ports: PeerWiresPorts
  readonly #own: HostId
  readonly #otherHost: HostId
  readonly #say: Say
  readonly #life: { start(): void; stop(): void }
  #session: object | undefined
  #other: PeerEnd | undefined
  #wire: Wire<PeerMessage> | undefined

  constructor(
    ports: PeerWiresPorts,
    own: HostId,
    other: HostId,
    say: Say,
    life: { start(): void; stop(): void },
  ) {
    this.#ports = ports
    this.#own = own
    this.#otherHost = other
    this.#say = say
    this.#life = life
  }

  static join(a: PeerEnd, b: PeerEnd): void {
    const session = {}
    b.#joined(session, a)
    a.#joined(session, b)
  }

  get connected(): boolean {
    return this.#session !== undefined
  }

  send(message: PeerMessage): void {
    if (!this.#wire) return
    const copy = structuredClone(message)
    const { fate, sent, stale } = this.#say(copy)
    // Asked again: a process or a host may have died of its own word.
    for (const word of stale) this.#wire?.send(structuredClone(word), undefined)
    this.#wire?.send(copy, fate)
    sent()
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
    this.die(true)
  }

  /** The process is gone. @param told the kernel lived on to close the connection */
  die(told: boolean): void {
    this.#life.stop()
    this.onMessage = () => {}
    this.onChange = () => {}
    const [session, other] = [this.#session, this.#other]
    if (!session || !other) return
    this.#leave(session)
    if (told) this.#later(() => other.#leave(session))
    else this.#ports.clock.after(SILENCE_MS, () => other.#leave(session))
  }

  #joined(session: object, other: PeerEnd): void {
    this.#session = session
    this.#other = other
    this.#wire = new Wire(this.#ports.clock, (message, late) =>
      this.#later(() => {
        // A certificate may find its way long after its session; everything else is of the session only.
        if (other.#session === session || (late && message.t === 'certificate')) other.onMessage(message)
      }),
    )
    this.onChange()
  }

  #leave(session: object): void {
    if (this.#session !== session) return
    this.#session = undefined
    this.#wire = undefined
    this.onChange()
  }

  #later(act: () => void): void {
    const { clock, network } = this.#ports
    clock.after(network.delayMs(this.#own, this.#otherHost), () => {
      if (network.up(this.#own, this.#otherHost)) act()
    })
  }
}
