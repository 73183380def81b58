/**
 * What is accepted from a link: one schema a message, bounds on every string, list and number. Checked after decoding,
 * on both sides. Unknown members are dropped, so that a newer peer may add some.
 */
import { z } from 'zod'
import type { ErrorCode } from '../errors.js'
import { commandSchema, resultValueSchema } from './command-schema.js'
import type { AnyCommandBody } from './command-schema.js'
import {
  base64,
  bootId,
  commandId,
  count,
  hash,
  hostIdSchema,
  sessionId,
  siteIdSchema,
  text,
  time,
} from './fields.js'
import type { Ack, Beat, CommandMessage, FromAgent, FromCoordinator, Welcome } from './messages.js'
import { reportSchema } from './report-schema.js'
import { schemaOf } from './schema-of.js'
import { certificateSchema } from './statement-schema.js'

/** Any text: a newer agent may have codes of which this side does not know. */
const errorCode = text(40) as unknown as z.ZodType<ErrorCode>
const beat = z.object({ t: z.literal('beat') })

export const fromAgentSchema = schemaOf<FromAgent>()(
  z.union([
    z.object({ t: z.literal('report'), report: reportSchema }),
    beat,
    z.object({
      t: z.literal('hello'),
      protocol: count,
      host: hostIdSchema,
      site: siteIdSchema,
      bootId,
      version: text(40),
      key: hash,
      journal: z.object({ seq: count, hash }),
      session: sessionId.optional(),
    }),
    z.object({ t: z.literal('result'), id: commandId, ok: z.literal(true), value: resultValueSchema }),
    z.object({
      t: z.literal('result'),
      id: commandId,
      ok: z.literal(false),
      code: errorCode,
      message: text(2000),
      remedy: text(1000).optional(),
    }),
    z.object({ t: z.literal('certificate'), certificate: certificateSchema }),
  ]),
)

/** As `CommandMessage`, its arguments tied to its kind. */
type AnyCommandMessage = Omit<CommandMessage, 'body'> & { body: AnyCommandBody }

export const fromCoordinatorSchema: z.ZodType<FromCoordinator> = schemaOf<
  Welcome | Ack | AnyCommandMessage | Beat
>()(
  z.union([
    beat,
    z.object({ t: z.literal('ack'), bootId, seq: count }),
    z.object({
      t: z.literal('welcome'),
      protocol: count,
      now: time,
      reportMs: z.number().min(10).max(3_600_000),
    }),
    z.object({ t: z.literal('command'), body: commandSchema, key: base64(400), signature: base64(400) }),
  ]),
)
