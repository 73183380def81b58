/** What the operator may write into agent.yaml. The unit is part of each key's name. */
import { z } from 'zod'
import { hostIdSchema, siteIdSchema } from '@heliotrope/shared'
import { powerUnits } from '../drivers/meter/units.js'

const absolute = z.string().regex(/^\/\S*$/, 'must be an absolute path')
const port = z.number().int().min(1).max(65535)
const portal = z
  .string()
  .regex(/^[0-9a-zA-Z.:[\]-]+:\d{1,5}$/, 'must be ADDRESS:PORT, for example 10.0.0.5:3260')

const meterBase = {
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be of a-z, 0-9, dot, dash, underscore'),
  role: z.enum(['green-power', 'host-power', 'load']),
  every_ms: z.number().int().min(100).max(3_600_000).default(5_000),
  /** A value older than this is flagged stale. */
  stale_after_s: z.number().min(1).max(86_400).default(60),
  /** A value that stands still for longer is flagged constant; 0: never. */
  constant_after_s: z.number().min(0).max(604_800).default(1_800),
  negative: z.enum(['reject', 'zero', 'keep']).default('reject'),
}
const unit = z.enum(powerUnits)
const pointer = z
  .string()
  .regex(/^(\/.*)?$/, 'must be a JSON pointer, for example /power/total')
  .optional()

const meter = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), ...meterBase, unit, path: absolute, pointer }),
  z.strictObject({
    kind: z.literal('command'),
    ...meterBase,
    unit,
    argv: z.tuple([z.string().min(1)], z.string()),
    pointer,
    timeout_ms: z.number().int().min(100).max(60_000).default(5_000),
  }),
  z.strictObject({
    kind: z.literal('nut'),
    ...meterBase,
    unit: unit.default('W'),
    address: z.string().regex(/^\S+$/, 'must be HOST or HOST:PORT'),
    ups: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be the name of a UPS as upsc -l shows it'),
    /** Default: ups.realpower, else ups.load x ups.realpower.nominal (then flagged estimated). */
    variable: z
      .string()
      .regex(/^[a-z0-9.]{1,64}$/)
      .optional(),
    username: z
      .string()
      .regex(/^\S{1,64}$/)
      .optional(),
    password_file: absolute.optional(),
    timeout_ms: z.number().int().min(100).max(60_000).default(5_000),
  }),
])
export type MeterConfig = z.infer<typeof meter>

export const agentConfigSchema = z.strictObject({
  host: hostIdSchema,
  site: siteIdSchema,
  coordinator: z.string().regex(/^wss:\/\/[^\s/]+(\/\S*)?$/, 'must be wss://HOST:PORT'),
  data_dir: absolute.default('/var/lib/heliotrope'),
  /** Unix sockets are made here, and the system cuts longer paths without a word. */
  run_dir: absolute.max(80, 'must be short, 80 characters at most').default('/run/heliotrope'),
  log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  mover: z.strictObject({
    /** Where other hosts' movers reach this one. */
    address: z.string().regex(/^[0-9a-zA-Z.:-]{1,80}$/, 'must be an address or a host name'),
    ports: z
      .tuple([port, port])
      .refine(([first, last]) => first <= last, 'must be [FIRST, LAST] with FIRST not above LAST')
      .default([7421, 7436]),
    /** Folders from which a guest that arrives here may take kernel, ramdisk or bootloader. */
    boot_folders: z.array(absolute).max(20).default(['/boot', '/usr/lib/xen']),
  }),
  storage: z
    .strictObject({
      iscsi: z.strictObject({ portals: z.array(portal).max(100).default([]) }).default({ portals: [] }),
    })
    .default({ iscsi: { portals: [] } }),
  /** Bridges that arriving VMs may use; absent: all. */
  bridges: z
    .array(z.string().regex(/^[A-Za-z0-9._-]{1,15}$/))
    .max(200)
    .optional(),
  meters: z
    .array(meter)
    .max(100)
    .default([])
    .refine(all => new Set(all.map(one => one.name)).size === all.length, 'two meters have the same name'),
  report: z
    .strictObject({
      every_ms: z.number().int().min(500).max(3_600_000).default(5_000),
      buffer_days: z.number().min(0.01).max(365).default(7),
      buffer_mib: z.number().min(1).max(10_240).default(50),
    })
    .default({ every_ms: 5_000, buffer_days: 7, buffer_mib: 50 }),
})

export type AgentConfig = z.infer<typeof agentConfigSchema>
