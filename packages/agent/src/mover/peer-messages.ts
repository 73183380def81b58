/**
 * What the two movers of one move say to each other on the control connection: msgpack frames behind a 4-byte length.
 * The memory goes over a connection of its own, which carries xl's bytes and nothing else.
 */
import { z } from 'zod'
import { hostCertificateSchema, moveIdSchema, schemaOf } from '@heliotrope/shared'
import type { HostCertificate, MoveId } from '@heliotrope/shared'

/** First message of either connection, from the source. */
export interface PeerHello {
  t: 'hello'
  protocol: number
  move: MoveId
  channel: 'control' | 'stream'
}

export type PeerMessage =
  | PeerHello
  /** Target: its xl has said its banner; send the stream. */
  | { t: 'listening' }
  /** Target: READY is journalled, the copy is complete and paused. Only ever sent to the session that brought it. */
  | { t: 'ready' }
  | { t: 'certificate'; certificate: HostCertificate }
  /** Source: it has closed the move and cleaned up; the target may forget it, too. */
  | { t: 'closed' }
  /** Target: it has acted on Abort, Reclaimed or closed, and keeps nothing of the move. */
  | { t: 'done' }
  | { t: 'beat' }

export const peerMessageSchema = schemaOf<PeerMessage>()(
  z.discriminatedUnion('t', [
    z.object({
      t: z.literal('hello'),
      protocol: z.number().int().min(0).max(1e6),
      move: moveIdSchema,
      channel: z.enum(['control', 'stream']),
    }),
    z.object({ t: z.literal('listening') }),
    z.object({ t: z.literal('ready') }),
    z.object({ t: z.literal('certificate'), certificate: hostCertificateSchema }),
    z.object({ t: z.literal('closed') }),
    z.object({ t: z.literal('done') }),
    z.object({ t: z.literal('beat') }),
  ]),
)

/** Largest control message; a certificate is about 1 KiB. */
export const MAX_PEER_FRAME_BYTES = 64 * 1024
