/** The target's end of the connections between two movers: it listens, and takes only the source that the Grant names. */
import { createServer as createNetServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { errorChain, HeliotropeError, PROTOCOL } from '@heliotrope/shared'
import type { Cancel } from '@heliotrope/shared'
import type { PeerMessage } from '../peer-messages.js'
import type { Peer } from '../ports.js'
import { ControlSession } from './control-session.js'
import { FrameReader } from './frames.js'
import { checkPeer, tlsOptions } from './identity.js'
import { BEAT_MS, HANDSHAKE_MS, SILENCE_MS } from './peer-options.js'
import type { PeerOptions } from './peer-options.js'

export interface PeerTargetOptions extends PeerOptions {
  /** Where to listen; port 0 = any. */
  address: string
  port: number
  /** True if a stream of this move was taken before, also by an earlier process (a journal record READY or later). */
  streamUsedBefore: () => boolean
}

/** Connections that have not yet proven who they are. */
const MAX_STRANGERS = 16

export class PeerTarget implements Peer {
  onMessage: (message: PeerMessage) => void = () => {}
  onChange: () => void = () => {}
  /** The one stream connection, paused; set by whoever feeds xl from it. Without it no stream is taken. */
  onStream: ((connection: TLSSocket) => void) | undefined
  readonly #options: PeerTargetOptions
  readonly #sockets = new Set<Socket>()
  readonly #tls
  readonly #server: Server
  /** By address and port; the value stops the clock of the handshake. */
  readonly #strangers = new Map<string, Cancel>()
  #session: ControlSession | undefined
  #sessionFrom = ''
  #streamTaken = false

  constructor(options: PeerTargetOptions) {
    this.#options = options
    this.#tls = createTlsServer({
      ...tlsOptions(options.identity),
      honorCipherOrder: true,
      requestCert: true,
    })
    this.#server = createNetServer({ noDelay: true }, socket => this.#arrived(socket))
    this.#tls.on('secureConnection', socket => this.#secured(socket))
  }

  get connected(): boolean {
    return this.#session !== undefined
  }

  /** Where it listens, once started. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0
  }

  send(message: PeerMessage): void {
    this.#session?.send(message)
  }

  /** @throws unavailable if the port cannot be had */
  start(): Promise<void> {
    const { address, port } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', cause => {
        reject(new HeliotropeError('unavailable', `cannot listen on ${address}:${port}`, { cause }))
      })
      this.#server.listen(port, address, () => {
        this.#server.on('error', error => this.#options.log.warn('listening', { error: error.message }))
        resolve()
      })
    })
  }

  /** Lets what was said last go out; cuts off everything else. */
  async stop(): Promise<void> {
    const last = this.#sessionFrom
    this.#session?.close('stopped')
    const closed = new Promise<void>(resolve => void this.#server.close(() => resolve()))
    for (const socket of this.#sockets) if (fromOf(socket) !== last) socket.destroy()
    await closed
  }

  #arrived(socket: Socket): void {
    if (this.#strangers.size >= MAX_STRANGERS) return void socket.destroy()
    const { clock, handshakeMs = HANDSHAKE_MS } = this.#options
    const from = fromOf(socket)
    const cancel = clock.after(handshakeMs, () => socket.destroy())
    this.#strangers.set(from, cancel)
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#known(from)
      this.#sockets.delete(socket)
    })
    this.#tls.emit('connection', socket)
  }

  /** TLS stands; now the certificate, then the hello. */
  #secured(socket: TLSSocket): void {
    const { audit, grant, identity, log, refused } = this.#options
    const from = fromOf(socket)
    const frames = new FrameReader()
    socket.on('error', () => {})
    const refuse = (error: unknown): void => {
      const why = errorChain(error)
      log.warn('connection refused', { from, error: why })
      audit?.({ from, why: why.slice(0, 500) })
      socket.destroy()
    }
    try {
      checkPeer(socket, grant.from, identity.ca, grant.at)
      const why = refused?.()
      if (why !== undefined) throw new HeliotropeError('unauthorised', why)
    } catch (error) {
      return refuse(error)
    }
    const read = (chunk: Buffer): void => {
      try {
        const hello = frames.next(chunk)
        if (hello === undefined) return
        socket.off('data', read)
        socket.pause()
        this.#known(from)
        this.#greeted(socket, hello, frames)
      } catch (error) {
        socket.off('data', read)
        refuse(error)
      }
    }
    socket.on('data', read)
  }

  /** @throws wrong-version, unauthorised */
  #greeted(socket: TLSSocket, hello: PeerMessage, frames: FrameReader): void {
    if (hello.t !== 'hello') throw new HeliotropeError('bad-frame', `first message is ${hello.t}, not hello`)
    if (hello.protocol !== PROTOCOL)
      throw new HeliotropeError(
        'wrong-version',
        `the source speaks protocol ${hello.protocol}, we ${PROTOCOL}`,
      )
    if (hello.move !== this.#options.grant.move)
      throw new HeliotropeError('unauthorised', `hello for move ${hello.move}`)
    if (hello.channel === 'control') return this.#control(socket, frames)
    if (this.#streamTaken || this.#options.streamUsedBefore())
      throw new HeliotropeError('unauthorised', 'a second stream for the same move')
    if (this.onStream === undefined) throw new HeliotropeError('refused', 'no stream is expected here')
    this.#streamTaken = true
    const rest = frames.takeRest()
    if (rest.length > 0) socket.unshift(rest)
    this.onStream(socket)
  }

  /** The newest connection counts: the source opens one only when it holds the last for lost. */
  #control(socket: TLSSocket, frames: FrameReader): void {
    const { clock, log, beatMs = BEAT_MS, silenceMs = SILENCE_MS } = this.#options
    const session: ControlSession = new ControlSession(
      socket,
      {
        clock,
        log,
        beatMs,
        silenceMs,
        onMessage: message => {
          if (message.t !== 'beat' && this.#session === session) this.onMessage(message)
        },
        onEnd: () => {
          if (this.#session !== session) return
          this.#session = undefined
          this.onChange()
        },
      },
      frames,
    )
    const old = this.#session
    this.#session = session
    this.#sessionFrom = fromOf(socket)
    old?.close('replaced')
    session.start()
    this.onChange()
  }

  #known(from: string): void {
    this.#strangers.get(from)?.()
    this.#strangers.delete(from)
  }
}

const fromOf = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`
