/** The source's end of the connections between two movers: it connects, and connects again. */
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { errorChain, HeliotropeError, PROTOCOL, reconnect } from '@heliotrope/shared'
import type { Rng } from '@heliotrope/shared'
import type { PeerHello, PeerMessage } from '../peer-messages.js'
import type { Peer } from '../ports.js'
import { ControlSession } from './control-session.js'
import { peerFrame } from './frames.js'
import { checkPeer, tlsOptions } from './identity.js'
import { BEAT_MS, HANDSHAKE_MS, SILENCE_MS } from './peer-options.js'
import type { PeerOptions } from './peer-options.js'

export interface PeerSourceOptions extends PeerOptions {
  rng: Rng
  address: string
  port: number
}

/** The stream's TLS socket takes this much before it says stop: one pipe-full of xl and one on the way. */
const STREAM_QUEUE_BYTES = 256 * 1024

export class PeerSource implements Peer {
  onMessage: (message: PeerMessage) => void = () => {}
  onChange: () => void = () => {}
  readonly #options: PeerSourceOptions
  readonly #sockets = new Set<TLSSocket>()
  #session: ControlSession | undefined
  #control: TLSSocket | undefined
  #heard = false
  #again: { stop: () => void } | undefined

  constructor(options: PeerSourceOptions) {
    this.#options = options
  }

  /** The target has taken us: its first message is there. */
  get connected(): boolean {
    return this.#session !== undefined && this.#heard
  }

  send(message: PeerMessage): void {
    if (this.connected) this.#session?.send(message)
  }

  start(): Promise<void> {
    const { clock, rng, log } = this.#options
    this.#again = reconnect({
      clock,
      rng,
      minMs: 200,
      maxMs: 4_000,
      connect: () => this.#open('control'),
      serve: socket => this.#serve(socket),
      failed: (error, nextMs) => log.info('target not reached', { error: errorChain(error), nextMs }),
    })
    return Promise.resolve()
  }

  /** Lets what was said last go out; cuts off everything else. */
  async stop(): Promise<void> {
    this.#again?.stop()
    const last = this.#session === undefined ? undefined : this.#control
    this.#session?.close('stopped')
    const open = [...this.#sockets]
    const closed = open.map(
      socket => new Promise<void>(resolve => void socket.once('close', () => resolve())),
    )
    for (const socket of open) if (socket !== last) socket.destroy()
    await Promise.all(closed)
  }

  /** A connection that carries the stream, and nothing else, ever: the target takes one per move. */
  openStream(): Promise<TLSSocket> {
    return this.#open('stream')
  }

  #serve(socket: TLSSocket): Promise<void> {
    const { clock, log, beatMs = BEAT_MS, silenceMs = SILENCE_MS } = this.#options
    return new Promise(resolve => {
      const session = new ControlSession(socket, {
        clock,
        log,
        beatMs,
        silenceMs,
        onMessage: message => {
          if (!this.#heard) {
            this.#heard = true
            this.onChange()
          }
          if (message.t !== 'beat') this.onMessage(message)
        },
        onEnd: () => {
          this.#session = undefined
          const was = this.#heard
          this.#heard = false
          if (was) this.onChange()
          resolve()
        },
      })
      this.#session = session
      this.#control = socket
      session.start()
    })
  }

  /** Resolves when TLS stands, the target is the one of the Grant, and the hello is written. @throws unavailable */
  #open(channel: PeerHello['channel']): Promise<TLSSocket> {
    const {
      address,
      audit,
      port,
      identity,
      grant,
      clock,
      refused,
      handshakeMs = HANDSHAKE_MS,
    } = this.#options
    return new Promise((resolve, reject) => {
      const socket = connect({
        ...tlsOptions(identity),
        host: address,
        port,
        ...(channel === 'stream' ? { highWaterMark: STREAM_QUEUE_BYTES } : {}),
      })
      this.#sockets.add(socket)
      const fail = (cause: unknown): void => {
        cancel()
        socket.destroy()
        const where = `mover of ${grant.to.host} at ${address}:${port}`
        reject(new HeliotropeError('unavailable', `${where} cannot be reached`, { cause }))
      }
      const cancel = clock.after(handshakeMs, () =>
        fail(new HeliotropeError('timeout', `no TLS in ${handshakeMs} ms`)),
      )
      socket.on('close', () => {
        this.#sockets.delete(socket)
        fail(new HeliotropeError('unavailable', 'connection closed'))
      })
      socket.on('error', fail)
      socket.once('secureConnect', () => {
        try {
          checkPeer(socket, grant.to, identity.ca, grant.at)
          const why = refused?.()
          if (why !== undefined) throw new HeliotropeError('unauthorised', why)
        } catch (error) {
          audit?.({ from: `${address}:${port}`, why: errorChain(error).slice(0, 500) })
          return fail(error)
        }
        cancel()
        socket.setNoDelay(true)
        socket.write(peerFrame({ t: 'hello', protocol: PROTOCOL, move: grant.move, channel }))
        resolve(socket)
      })
    })
  }
}
