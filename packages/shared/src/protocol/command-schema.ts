/** Schemas of commands and of their results. */
import { z } from 'zod'
import { bootOrdersSchema } from './boot-orders-schema.js'
import type { CommandBody, CommandKind, CommandResult, MoveLimits, MoveStanding } from './commands.js'
import {
  amount,
  bootGrantId,
  bootId,
  commandId,
  count,
  hash,
  hostIdSchema,
  moveIdSchema,
  port,
  sessionId,
  text,
  time,
  vmIdSchema,
} from './fields.js'
import { schemaOf } from './schema-of.js'
import { bootGrantSchema, certificateSchema, grantSchema, hostCertificateSchema } from './statement-schema.js'

const limits = schemaOf<MoveLimits>()(
  z.object({ rateBps: amount, copyMs: amount, handoverMs: amount, stillMs: amount, askMs: amount }),
)

const commandBase = {
  id: commandId,
  to: hostIdSchema,
  reason: z.array(z.object({ by: text(120), why: text(500), at: time })).max(20),
  issuedAt: time,
  expiresAt: time,
  session: sessionId.optional(),
  seq: count.min(1).optional(),
}

/** A command of one of the kinds, with the arguments of that kind. */
export type AnyCommandBody = { [K in CommandKind]: CommandBody<K> }[CommandKind]

export const commandSchema = schemaOf<AnyCommandBody>()(
  z.discriminatedUnion('kind', [
    z.object({
      ...commandBase,
      kind: z.literal('move.prepare-target'),
      args: z.object({ grant: grantSchema, limits }),
    }),
    z.object({
      ...commandBase,
      kind: z.literal('move.start-source'),
      args: z.object({ grant: grantSchema, limits, address: text(80), port }),
    }),
    z.object({
      ...commandBase,
      kind: z.literal('move.abort'),
      args: z.object({ move: moveIdSchema, reason: text(500) }),
    }),
    z.object({
      ...commandBase,
      kind: z.literal('move.standing'),
      args: z.object({
        move: moveIdSchema,
        peerClosed: z.boolean(),
        certificates: z.array(hostCertificateSchema).max(20),
      }),
    }),
    z.object({
      ...commandBase,
      kind: z.literal('vm.yield'),
      args: z.object({ boot: bootGrantId, vm: vmIdSchema, epoch: count }),
    }),
    z.object({ ...commandBase, kind: z.literal('vm.boot'), args: z.object({ grant: bootGrantSchema }) }),
    z.object({ ...commandBase, kind: z.literal('host.report'), args: z.object({}) }),
    z.object({ ...commandBase, kind: z.literal('host.standby'), args: z.object({ bootId }) }),
    z.object({ ...commandBase, kind: z.literal('host.wake'), args: z.object({ host: hostIdSchema }) }),
    z.object({
      ...commandBase,
      kind: z.literal('host.trust'),
      args: z.object({
        revoked: z.array(z.object({ host: hostIdSchema, key: hash })).max(2000),
        coordinatorKeys: z.array(hash).min(1).max(4),
      }),
    }),
    z.object({ ...commandBase, kind: z.literal('host.boots'), args: bootOrdersSchema }),
  ]),
)

const standing = schemaOf<MoveStanding>()(
  z.object({
    move: moveIdSchema,
    known: z.boolean(),
    record: text(20),
    closed: z.boolean(),
    outcome: z.enum(['moved', 'stayed', 'lost']).optional(),
    reason: text(1000).optional(),
    bytes: count.optional(),
    startedAt: time.optional(),
    endedAt: time.optional(),
    stillMs: amount.optional(),
    certificates: z.array(certificateSchema).max(30),
    records: z
      .array(z.object({ kind: text(20), at: time }))
      .max(40)
      .optional(),
  }),
)

/** A result does not name its command: no shape may fit the beginning of another, the first that fits is taken. */
export const resultValueSchema = schemaOf<CommandResult<CommandKind>>()(
  z.union([
    z.object({ address: text(80), port }),
    z.object({ started: z.literal(true) }),
    z.object({ queued: z.literal(true) }),
    z.object({ standby: z.enum(['suspend', 'poweroff']) }),
    z.object({ power: z.enum(['on', 'off', 'unknown']) }),
    z.object({ noted: z.literal(true) }),
    z.object({ yielded: z.literal(true), bootId }),
    z.object({ booted: z.literal(true) }),
    standing,
  ]),
)
