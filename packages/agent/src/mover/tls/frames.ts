/** Control messages on a byte stream: 4 bytes of length, big endian, then msgpack; each checked against its schema. */
import { decode, encode, HeliotropeError } from '@heliotrope/shared'
import { MAX_PEER_FRAME_BYTES, peerMessageSchema } from '../peer-messages.js'
import type { PeerMessage } from '../peer-messages.js'

const LENGTH_BYTES = 4

export function peerFrame(message: PeerMessage): Buffer {
  const body = encode(message)
  const frame = Buffer.alloc(LENGTH_BYTES + body.length)
  frame.writeUInt32BE(body.length, 0)
  frame.set(body, LENGTH_BYTES)
  return frame
}

export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)

  /**
   * The next whole message, or undefined until more bytes come.
   * @throws bad-frame for a frame that is too long, or does not fit the schema
   */
  next(chunk?: Uint8Array): PeerMessage | undefined {
    if (chunk !== undefined && chunk.length > 0) this.#rest = Buffer.concat([this.#rest, chunk])
    if (this.#rest.length < LENGTH_BYTES) return undefined
    const length = this.#rest.readUInt32BE(0)
    if (length > MAX_PEER_FRAME_BYTES)
      throw new HeliotropeError(
        'bad-frame',
        `peer message of ${length} bytes exceeds ${MAX_PEER_FRAME_BYTES}`,
      )
    if (this.#rest.length < LENGTH_BYTES + length) return undefined
    const body = this.#rest.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
    this.#rest = this.#rest.subarray(LENGTH_BYTES + length)
    return decode(peerMessageSchema, body)
  }

  /** What has come beyond the last message. */
  takeRest(): Buffer {
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    return rest
  }
}
