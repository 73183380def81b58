/** Schemas of what a host is told for the time when the coordinator is gone, and of what hosts then say to each other. */
import { z } from 'zod'
import type { FleetStatement, HeldStatements } from '../fleet-statement.js'
import type { BootOrders, YieldReply, YieldRequest } from '../boot-orders.js'
import { bootId, count, hash, hostIdSchema, signed, siteIdSchema, text, time, vmIdSchema } from './fields.js'
import { bootGrantSchema, grantSchema, hostCertificateSchema } from './statement-schema.js'

/** Agents before the bound on what is kept name so many. */
const MAX_EARLIER_TAKEN = 500

export const bootOrdersSchema: z.ZodType<BootOrders> = z.object({
  policy: z.enum(['auto', 'manual']),
  except: z.array(text(127)).max(1000),
  peers: z
    .array(
      z.object({
        host: hostIdSchema,
        key: hash,
        address: text(80).optional(),
        port: z.number().int().min(1).max(65535).optional(),
      }),
    )
    .max(1000),
})

const hostKey = { host: hostIdSchema, key: hash }

export const fleetStatementSchema: z.ZodType<FleetStatement> = signed(
  z.object({
    kind: z.literal('fleet'),
    head: z.object({ seq: count, hash }),
    hosts: z.array(z.object({ ...hostKey, site: siteIdSchema })).max(1000),
    revoked: z.array(z.object(hostKey)).max(2000),
    at: time,
  }),
)

const proof = {
  grant: grantSchema.optional(),
  certificates: z.array(hostCertificateSchema).max(20).optional(),
  boot: bootGrantSchema.optional(),
}

export const heldStatementsSchema: z.ZodType<HeldStatements> = z.object({
  statements: z.array(z.object({ vm: vmIdSchema, ...proof })).max(200),
  fleet: fleetStatementSchema.optional(),
  next: vmIdSchema.optional(),
})

const yielding = { vm: vmIdSchema, epoch: count, by: hostIdSchema, bootId, to: hostIdSchema, at: time }

/** Between the agents of two hosts, with no coordinator in between. */
export const yieldRequestSchema: z.ZodType<YieldRequest> = signed(
  z.object({
    kind: z.literal('yield-request'),
    ...yielding,
    earlier: z.array(bootId).max(MAX_EARLIER_TAKEN),
  }),
).extend({
  proof: z.object(proof).optional(),
})
export const yieldReplySchema: z.ZodType<YieldReply> = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    answer: signed(z.object({ kind: z.literal('yielded'), ...yielding, toBoot: bootId })),
  }),
  z.object({ ok: z.literal(false), code: text(40), message: text(2000) }),
])
