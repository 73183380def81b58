/** Where the agents of other hosts may ask this one: mutual TLS, only hosts that our coordinator has named, one question each. */
import { createServer as createNetServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { errorChain, HeliotropeError, SECOND, yieldRequestSchema } from '@heliotrope/shared'
import type { BootPeer, Clock, Log, YieldAnswer, YieldReply, YieldRequest } from '@heliotrope/shared'
import { checkPeer, tlsOptions } from '../mover/tls/identity.js'
import type { PeerIdentity } from '../mover/tls/identity.js'
import { frameOf, readFrame } from './reply-frames.js'

export interface PeerDoorPorts {
  clock: Clock
  log: Log
  /** As it is now: certificates are renewed. */
  identity: () => PeerIdentity
  /** Who may ask, as our coordinator named them. */
  peers: () => readonly BootPeer[]
  /** @throws what stands against it */
  answer: (request: YieldRequest) => Promise<YieldAnswer>
  /** Who was not let in, and why, for the audit. */
  refused: (body: { from: string; why: string }) => void
  address: string
  /** 0 = any. */
  port: number
}

/** More at once than hosts that ask: somebody is playing. */
const MAX_SOCKETS = 32
/** From the connection to the end of the answer. */
const LIFE_MS = 30 * SECOND

export class PeerDoor {
  readonly #ports: PeerDoorPorts
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  constructor(ports: PeerDoorPorts) {
    this.#ports = ports
    this.#server = createNetServer({ noDelay: true }, socket => this.#arrived(socket))
  }

  /** Where it listens, once started. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0
  }

  /** @throws unavailable if the port cannot be had */
  start(): Promise<void> {
    const { address, log, port } = this.#ports
    return new Promise((resolve, reject) => {
      this.#server.once('error', cause =>
        reject(
          new HeliotropeError('unavailable', `cannot listen on ${address}:${port}`, {
            cause,
            remedy: 'choose another boot.port in the agent config',
          }),
        ),
      )
      this.#server.listen(port, address, () => {
        this.#server.on('error', error => log.warn('listening', { error: error.message }))
        resolve()
      })
    })
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    return new Promise(resolve => void this.#server.close(() => resolve()))
  }

  #arrived(socket: Socket): void {
    if (this.#sockets.size >= MAX_SOCKETS) return void socket.destroy()
    this.#sockets.add(socket)
    const cancel = this.#ports.clock.after(LIFE_MS, () => socket.destroy())
    socket.on('error', () => {})
    socket.once('close', () => {
      cancel()
      this.#sockets.delete(socket)
    })
    // Made for each connection: the certificate may have been renewed.
    const tls = createTlsServer({ ...tlsOptions(this.#ports.identity()), requestCert: true })
    tls.on('secureConnection', secured => void this.#asked(secured))
    tls.on('tlsClientError', () => socket.destroy())
    tls.emit('connection', socket)
  }

  async #asked(socket: TLSSocket): Promise<void> {
    const { log, refused } = this.#ports
    const from = `${socket.remoteAddress}:${socket.remotePort}`
    socket.on('error', () => {})
    try {
      const name = this.#whoIs(socket)
      const request = await readFrame(socket, yieldRequestSchema)
      if (request.body.by !== name)
        throw new HeliotropeError('unauthorised', `${name} asks in the name of ${request.body.by}`)
      socket.end(frameOf(await this.#reply(request)))
    } catch (error) {
      const why = errorChain(error)
      log.warn('another host was not let in', { from, why })
      refused({ from, why: why.slice(0, 500) })
      socket.destroy()
    }
  }

  /** @throws unauthorised */
  #whoIs(socket: TLSSocket): string {
    const { identity, peers } = this.#ports
    const { ca } = identity()
    const subject = /(?:^|\n)CN=([^\n]+)/.exec(socket.getPeerX509Certificate()?.subject ?? '')?.[1]
    const peer = peers().find(one => one.host === subject)
    if (!peer) throw new HeliotropeError('unauthorised', `our coordinator has not named ${subject ?? 'it'}`)
    checkPeer(socket, { host: peer.host, key: peer.key, bootId: '' }, ca, 0)
    return peer.host
  }

  async #reply(request: YieldRequest): Promise<YieldReply> {
    const { answer, log } = this.#ports
    try {
      return { ok: true, answer: await answer(request) }
    } catch (error) {
      const { code, message } = HeliotropeError.from(error)
      log.warn('does not yield a VM', { vm: request.body.vm, by: request.body.by, why: message })
      return { ok: false, code, message: message.slice(0, 2000) }
    }
  }
}
