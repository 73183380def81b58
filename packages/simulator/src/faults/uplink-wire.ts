/** The line between an agent and the coordinator: a joined pair of sockets, with faults on each message and on itself. */
import { HeliotropeError, memoryLink } from '@heliotrope/shared'
import type { Clock, MemoryLink, Ms, Socket } from '@heliotrope/shared'
import { Wire } from './wire.js'
import type { Sending } from './wire.js'

const LINK_MS: Ms = 20
const CONNECT_TIMEOUT_MS: Ms = 10_000

export interface UplinkWirePorts {
  clock: Clock
  host: string
  /** Key fingerprints that the TLS certificates would prove. */
  keys: { agent: string; coordinator: string }
  /** Takes over the coordinator's end; undefined while it is down. */
  accept: () => ((socket: Socket) => void) | undefined
  /** Asked for each message. */
  said(from: 'agent' | 'coordinator', what: string): Sending | undefined
}

export class UplinkWire {
  readonly #ports: UplinkWirePorts
  readonly #links: MemoryLink[] = []
  #cut = false

  constructor(ports: UplinkWirePorts) {
    this.#ports = ports
  }

  connect(): Promise<Socket> {
    const { clock, host, keys } = this.#ports
    const accept = this.#ports.accept()
    if (this.#cut || !accept) {
      const error = new HeliotropeError('unavailable', 'the coordinator cannot be reached')
      if (!this.#cut) return Promise.reject(error)
      return new Promise((_, reject) => void clock.after(CONNECT_TIMEOUT_MS, () => reject(error)))
    }
    const link = memoryLink(clock, LINK_MS, {
      a: { name: host, key: keys.agent },
      b: { name: 'coordinator', key: keys.coordinator },
    })
    this.#links.push(link)
    if (this.#links.length > 8) this.#links.shift()
    accept(this.#faulty(link.b, 'coordinator'))
    return Promise.resolve(this.#faulty(link.a, 'agent'))
  }

  /** Black-holed: nothing arrives, nothing closes. What was open stays dead when it heals, as after a long cut. */
  cut(): void {
    this.#cut = true
    for (const link of this.#links) link.cut = true
  }

  heal(): void {
    this.#cut = false
  }

  /** Both ends see the connection end. */
  drop(): void {
    for (const link of this.#links.splice(0)) link.drop()
  }

  /** One end lost its power: the other hears nothing more. */
  vanish(): void {
    for (const link of this.#links.splice(0)) link.cut = true
  }

  #faulty(inner: Socket, from: 'agent' | 'coordinator'): Socket {
    const { clock, said } = this.#ports
    const wire = new Wire<Uint8Array>(clock, bytes => inner.send(bytes))
    return {
      get queuedBytes() {
        return inner.queuedBytes
      },
      peer: inner.peer,
      send: bytes => {
        const sending = said(from, labelOf(bytes))
        wire.send(bytes, sending?.fate)
        sending?.sent()
      },
      close: (code, reason) => inner.close(code, reason),
      get onMessage() {
        return inner.onMessage
      },
      set onMessage(fn) {
        inner.onMessage = fn
      },
      get onClose() {
        return inner.onClose
      },
      set onClose(fn) {
        inner.onClose = fn
      },
    }
  }
}

/** The message's kind without decoding it: `t` is its first key; a command's kind is the only dotted word of its like. */
function labelOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 400)).toString('latin1')
  const kind = /[\x80-\x8f\xde].{0,2}?\xa1t[\xa0-\xbf]([a-z]+)/s.exec(text)?.[1] ?? 'message'
  if (kind !== 'command') return kind
  return /(?:move|host)\.[a-z-]+/.exec(text)?.[0] ?? kind
}
