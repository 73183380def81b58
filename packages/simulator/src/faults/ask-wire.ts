/**
 * Questions between agents as the network and the faults of a run leave them: delayed, lost, doubled, overtaken by a power
 * cut. What is asked of a host that is down, or behind a cut line, is never answered.
 */
import type { AskPeer } from '@heliotrope/agent'
import { HeliotropeError, SECOND } from '@heliotrope/shared'
import type { Clock, HostId, Ms, YieldAnswer, YieldRequest } from '@heliotrope/shared'
import type { Network } from '../net/network.js'
import { Wire } from './wire.js'
import type { Sending } from './wire.js'

const TIMEOUT_MS: Ms = 15 * SECOND

export interface Answering {
  answer(request: YieldRequest): Promise<YieldAnswer>
}

export interface AskWiresPorts {
  clock: Clock
  network: Network
  /** Asked for each message; also the place where words are looked at. */
  said(from: HostId, to: HostId, what: 'yield-request' | YieldAnswer | 'no-yield'): Sending
}

export class AskWires {
  readonly #ports: AskWiresPorts
  readonly #listening = new Map<HostId, Answering>()

  constructor(ports: AskWiresPorts) {
    this.#ports = ports
  }

  /** From here on the agent of this host answers. */
  listen(host: HostId, answering: Answering): void {
    this.#listening.set(host, answering)
  }

  hush(host: HostId): void {
    this.#listening.delete(host)
  }

  asker(own: HostId): AskPeer {
    const { clock } = this.#ports
    return (peer, request) =>
      new Promise<YieldAnswer>((resolve, reject) => {
        clock.after(TIMEOUT_MS, () => reject(new HeliotropeError('timeout', `${peer.host} does not answer`)))
        this.#send(own, peer.host, 'yield-request', () => {
          const there = this.#listening.get(peer.host)
          if (!there) return reject(new HeliotropeError('unavailable', `${peer.host} is not there`))
          there.answer(request).then(
            answer => this.#send(peer.host, own, answer, () => resolve(answer)),
            (error: unknown) =>
              this.#send(peer.host, own, 'no-yield', () => reject(HeliotropeError.from(error))),
          )
        })
      })
  }

  #send(
    from: HostId,
    to: HostId,
    what: 'yield-request' | YieldAnswer | 'no-yield',
    arrived: () => void,
  ): void {
    const { clock, network, said } = this.#ports
    const wire = new Wire<undefined>(clock, () => {
      clock.after(network.delayMs(from, to), () => {
        if (network.up(from, to)) arrived()
      })
    })
    const sending = said(from, to, what)
    wire.send(undefined, sending.fate)
    sending.sent()
  }
}
