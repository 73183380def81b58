/**
 * Reads a TLS connection into buffers of our own. Node hands out each TLS record (16 KiB) in a new buffer, which costs
 * more than decrypting it; and it has a remedy, `onread` of net.Socket, but offers it for connections that it has opened
 * itself, not for accepted ones. The remedy is therefore switched on here from outside. Where a later Node knows no such
 * thing, the plain way is taken: slower, otherwise the same (the tests take both).
 * Source: node lib/internal/stream_base_commons.js onStreamRead, lib/net.js (20 to 24).
 */
import type { Duplex } from 'node:stream'
import type { Pausable } from '../xl/pump.js'
import { BufferPool } from '../xl/buffer-pool.js'

const RECORD_BYTES = 16 * 1024
const SLAB_BYTES = 128 * 1024

/** Gets bytes, and calls `done` when they may be overwritten. */
export type Deliver = (bytes: Buffer, done: () => void) => void

interface Slab {
  buffer: Buffer
  /** Bytes delivered, and bytes filled. */
  from: number
  to: number
  /** Deliveries not yet done. */
  out: number
  full: boolean
}

/** The members that net.Socket keeps for `onread`, if this socket has them. */
function onreadMembers(socket: Duplex): Record<'kBuffer' | 'kBufferCb' | 'kBufferGen', symbol> | undefined {
  const own = Object.getOwnPropertySymbols(socket)
  const find = (name: string): symbol | undefined => own.find(symbol => symbol.description === name)
  const [kBuffer, kBufferCb, kBufferGen] = [find('kBuffer'), find('kBufferCb'), find('kBufferGen')]
  return kBuffer && kBufferCb && kBufferGen ? { kBuffer, kBufferCb, kBufferGen } : undefined
}

interface Handle {
  useUserBuffer?: (buffer: Uint8Array) => void
}

/**
 * Starts to read `socket`, which must be paused.
 * @param plain take the plain way, for tests
 * @returns what pauses and resumes the reading
 */
export function readInSlabs(socket: Duplex, deliver: Deliver, plain = false): Pausable {
  const members = onreadMembers(socket)
  const handle = (socket as { _handle?: Handle })._handle
  if (plain || members === undefined || typeof handle?.useUserBuffer !== 'function') {
    socket.on('data', (chunk: Buffer) => deliver(chunk, () => {}))
    socket.resume()
    return socket
  }
  // What came in before is in the stream's own buffer.
  for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null)
    deliver(chunk, () => {})

  const pool = new BufferPool(SLAB_BYTES)
  const fresh = (): Slab => ({ buffer: pool.take(), from: 0, to: 0, out: 0, full: false })
  let slab = fresh()
  const flush = (): void => {
    const now = slab
    if (now.to > now.from) {
      const bytes = now.buffer.subarray(now.from, now.to)
      now.from = now.to
      now.out++
      deliver(bytes, () => {
        now.out--
        if (now.full && now.out === 0) pool.give(now.buffer)
      })
    }
  }
  const room = (): Buffer => {
    if (slab.to + RECORD_BYTES > SLAB_BYTES) {
      flush()
      slab.full = true
      if (slab.out === 0) pool.give(slab.buffer)
      slab = fresh()
    }
    return slab.buffer.subarray(slab.to, slab.to + RECORD_BYTES)
  }
  // Records are gathered until a slab is full or a turn of the loop brought nothing: each write wakes the reader behind
  // it, and that costs more than the copy.
  let waiting = false
  let quiet = true
  const turn = (): void => {
    waiting = !quiet
    quiet = true
    if (waiting) setImmediate(turn)
    else flush()
  }
  const read = (count: number): boolean => {
    slab.to += count
    quiet = false
    if (!waiting) {
      waiting = true
      setImmediate(turn)
    }
    return true
  }
  const target = socket as unknown as Record<symbol, unknown>
  target[members.kBufferCb] = read
  target[members.kBufferGen] = room
  const first = room()
  target[members.kBuffer] = first
  handle.useUserBuffer(first)
  socket.once('end', flush)
  socket.resume()
  return socket
}
