/** One question and one answer on a connection between two agents: 4 bytes of length, big endian, then msgpack. */
import type { Duplex } from 'node:stream'
import { decode, encode, HeliotropeError } from '@heliotrope/shared'
import type { z } from 'zod'

const LENGTH_BYTES = 4
/** A request names some boots and brings a grant with a config of up to 64 disks. */
const MAX_FRAME_BYTES = 256 * 1024

export function frameOf(message: unknown): Buffer {
  const body = encode(message)
  const frame = Buffer.alloc(LENGTH_BYTES + body.length)
  frame.writeUInt32BE(body.length, 0)
  frame.set(body, LENGTH_BYTES)
  return frame
}

/** The first frame that comes; whoever calls bounds the time. @throws bad-frame | unavailable */
export function readFrame<T>(socket: Duplex, schema: z.ZodType<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0)
    const end = (act: () => void): void => {
      socket.off('data', take)
      socket.off('close', closed)
      act()
    }
    const closed = (): void =>
      end(() => reject(new HeliotropeError('unavailable', 'the connection ended before the answer')))
    const take = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk])
      if (bytes.length < LENGTH_BYTES) return
      const length = bytes.readUInt32BE(0)
      if (length > MAX_FRAME_BYTES)
        return end(() =>
          reject(new HeliotropeError('bad-frame', `${length} bytes exceed ${MAX_FRAME_BYTES}`)),
        )
      if (bytes.length < LENGTH_BYTES + length) return
      const body = bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
      end(() => {
        try {
          resolve(decode(schema, body))
        } catch (error) {
          reject(HeliotropeError.from(error))
        }
      })
    }
    socket.on('data', take)
    socket.on('close', closed)
  })
}
