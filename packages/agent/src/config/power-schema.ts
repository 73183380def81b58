/**
 * `power` of agent.yaml: whether this host may stand by, and how it wakes others. A host that sleeps cannot be asked, so
 * what wakes it stands in the config of its neighbours; addresses and passwords never come from the coordinator.
 */
import { z } from 'zod'
import { hostIdSchema } from '@heliotrope/shared'
import { absolutePath } from './meter-schema.js'

const username = z.string().regex(/^\S{1,64}$/)
const timeout_ms = z.number().int().min(100).max(60_000).default(10_000)

const wake = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('ipmi'),
    host: hostIdSchema,
    /** Of its management controller. */
    address: z.string().regex(/^[0-9A-Za-z.:-]{1,80}$/, 'must be an address or a host name'),
    port: z.number().int().min(1).max(65535).optional(),
    username,
    password_file: absolutePath,
    timeout_ms,
  }),
  z.strictObject({
    kind: z.literal('redfish'),
    host: hostIdSchema,
    url: z.string().regex(/^https:\/\/[^\s/@]+$/, 'must be https://HOST or https://HOST:PORT'),
    /** Id of the system where the controller has several. */
    system: z
      .string()
      .regex(/^[\w.-]{1,64}$/)
      .optional(),
    username,
    password_file: absolutePath,
    /** PEM of the controller's own certificate or its CA; controllers rarely have one that a system trusts. */
    ca_file: absolutePath.optional(),
    timeout_ms,
  }),
  z.strictObject({
    kind: z.literal('wol'),
    host: hostIdSchema,
    mac: z.string().regex(/^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/, 'must be a MAC address'),
    /** Where the packet goes: the broadcast address of the network in which the host sleeps. */
    address: z
      .string()
      .regex(/^[0-9.]{7,15}$/, 'must be an IPv4 broadcast address')
      .default('255.255.255.255'),
    port: z.number().int().min(1).max(65535).default(9),
  }),
])
export type WakeConfig = z.infer<typeof wake>

export const powerSchema = z
  .strictObject({
    /** What this host does when it is told to stand by; `off`: it refuses. */
    standby: z.enum(['off', 'suspend', 'poweroff']).default('off'),
    wakes: z
      .array(wake)
      .max(1000)
      .default([])
      .refine(all => new Set(all.map(one => one.host)).size === all.length, 'a host is named twice'),
  })
  .default({ standby: 'off', wakes: [] })
export type PowerConfig = z.infer<typeof powerSchema>
