/** One control connection, in either direction: frames, beats, and the end when nothing is heard any more. */
import type { Duplex } from 'node:stream'
import { errorChain, heartbeat } from '@heliotrope/shared'
import type { Clock, Heartbeat, Log, Ms } from '@heliotrope/shared'
import type { PeerMessage } from '../peer-messages.js'
import { FrameReader, peerFrame } from './frames.js'

/** More unsent bytes than this, and the other side does not read: a control message is about 1 KiB. */
const MAX_QUEUED_BYTES = 256 * 1024

export interface SessionOptions {
  clock: Clock
  log: Log
  /** How often a beat is sent. */
  beatMs: Ms
  /** Silence after which the session ends. */
  silenceMs: Ms
  onMessage: (message: PeerMessage) => void
  /** Called once, also after `close`. */
  onEnd: () => void
}

export class ControlSession {
  readonly #socket: Duplex
  readonly #options: SessionOptions
  readonly #frames: FrameReader
  #beats: Heartbeat | undefined
  #ended = false

  /** @param frames holds what came in behind the hello */
  constructor(socket: Duplex, options: SessionOptions, frames = new FrameReader()) {
    this.#socket = socket
    this.#options = options
    this.#frames = frames
  }

  start(): void {
    const { clock, beatMs, silenceMs } = this.#options
    this.#beats = heartbeat({
      clock,
      everyMs: beatMs,
      deadMs: silenceMs,
      beat: () => this.send({ t: 'beat' }),
      dead: () => this.close('silent'),
    })
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.close('connection closed'))
    this.send({ t: 'beat' })
    this.#read(Buffer.alloc(0))
    this.#socket.resume()
  }

  send(message: PeerMessage): void {
    if (this.#ended) return
    this.#socket.write(peerFrame(message))
    if (this.#socket.writableLength > MAX_QUEUED_BYTES) this.close('the other side does not read')
  }

  close(why: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#beats?.stop()
    this.#options.log.debug('control connection ended', { why })
    // What was said last (done, closed) still goes out; a peer that does not read is cut off by the destroy.
    this.#socket.end()
    this.#options.clock.after(1_000, () => this.#socket.destroy())
    this.#options.onEnd()
  }

  #read(chunk: Uint8Array): void {
    if (this.#ended) return
    if (chunk.length > 0) this.#beats?.heard()
    try {
      for (let m = this.#frames.next(chunk); m !== undefined && !this.#ended; m = this.#frames.next())
        this.#options.onMessage(m)
    } catch (error) {
      this.#options.log.warn('peer sent what cannot be read', { error: errorChain(error) })
      this.close('bad frame')
    }
  }
}
