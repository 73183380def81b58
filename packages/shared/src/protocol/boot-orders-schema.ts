/** Schemas of what a host is told for the time when the coordinator is gone, and of what hosts then say to each other. */
import { z } from 'zod'
import { MAX_EARLIER_BOOTS } from '../boot-orders.js'
import type { BootOrders, YieldReply, YieldRequest } from '../boot-orders.js'
import { bootId, count, hash, hostIdSchema, port, signed, text, time, vmIdSchema } from './fields.js'
import { schemaOf } from './schema-of.js'

export const bootOrdersSchema = schemaOf<BootOrders>()(
  z.object({
    policy: z.enum(['auto', 'manual']),
    except: z.array(text(127)).max(1000),
    peers: z
      .array(z.object({ host: hostIdSchema, key: hash, address: text(80).optional(), port: port.optional() }))
      .max(1000),
  }),
)

const yielding = { vm: vmIdSchema, epoch: count, by: hostIdSchema, bootId, to: hostIdSchema, at: time }

/** Between the agents of two hosts, with no coordinator in between. */
export const yieldRequestSchema = schemaOf<YieldRequest>()(
  signed(
    z.object({
      kind: z.literal('yield-request'),
      ...yielding,
      earlier: z.array(bootId).max(MAX_EARLIER_BOOTS),
    }),
  ),
)
export const yieldReplySchema = schemaOf<YieldReply>()(
  z.discriminatedUnion('ok', [
    z.object({
      ok: z.literal(true),
      answer: signed(z.object({ kind: z.literal('yielded'), ...yielding, toBoot: bootId })),
    }),
    z.object({ ok: z.literal(false), code: text(40), message: text(2000) }),
  ]),
)
