/** `meters` of agent.yaml: one shape for each kind. README.md shows each. */
import { z } from 'zod'
import { modelIds } from '../drivers/meter/sunspec/models.js'
import { meterUnits } from '../drivers/meter/units.js'

export const absolutePath = z.string().regex(/^\/\S*$/, 'must be an absolute path')

const base = {
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be of a-z, 0-9, dot, dash, underscore'),
  role: z.enum(['green-power', 'host-power', 'load']),
  /** What is measured, the same for every agent that reads it. Default: maker, model and serial where it tells them. */
  id: z
    .string()
    .regex(/^[\x21-\x7e]{1,120}$/, 'must be up to 120 characters without blanks')
    .optional(),
  every_ms: z.number().int().min(100).max(3_600_000).default(5_000),
  /** A value older than this is flagged stale. */
  stale_after_s: z.number().min(1).max(86_400).default(60),
  /** A value that stands still for longer is flagged constant; 0: never. */
  constant_after_s: z.number().min(0).max(604_800).default(1_800),
  negative: z.enum(['reject', 'zero', 'keep']).default('reject'),
  /** More than the source can give or draw: such a reading is refused. */
  max_w: z.number().positive().max(1e9).optional(),
  /** `confirm`: a jump is believed when further readings agree. */
  jumps: z.enum(['confirm', 'accept']).default('confirm'),
}
const unit = z.enum(meterUnits)
const pointer = z
  .string()
  .regex(/^(\/.*)?$/, 'must be a JSON pointer, for example /power/total')
  .optional()
const timeout = (ms: number) => z.number().int().min(100).max(60_000).default(ms)
const address = z.string().regex(/^\S+$/, 'must be HOST or HOST:PORT')
const username = z.string().regex(/^\S{1,64}$/)
const url = (schemes: string) =>
  z
    .string()
    .regex(new RegExp(`^(${schemes})://[^\\s/@]+(/\\S*)?$`), `must be ${schemes.replace('|', ' or ')}://HOST`)

export const meterSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), ...base, unit, path: absolutePath, pointer }),
  z.strictObject({
    kind: z.literal('command'),
    ...base,
    unit,
    argv: z.tuple([z.string().min(1)], z.string()),
    pointer,
    timeout_ms: timeout(5_000),
  }),
  z.strictObject({
    kind: z.literal('hwmon'),
    ...base,
    chip: z.string().regex(/^[\w.-]{1,64}$/, 'must be what /sys/class/hwmon/hwmon*/name says'),
    sensor: z.string().min(1).max(64).optional(),
  }),
  z.strictObject({
    kind: z.literal('ipmi'),
    ...base,
    /** Default: DCMI. */
    sensor: z.string().min(1).max(32).optional(),
    /** Another machine's management controller; default: this host's own. */
    address: z
      .string()
      .regex(/^[0-9A-Za-z.:-]{1,80}$/, 'must be an address or a host name')
      .optional(),
    port: z.number().int().min(1).max(65535).optional(),
    username: username.optional(),
    password_file: absolutePath.optional(),
    timeout_ms: timeout(5_000),
  }),
  z.strictObject({
    kind: z.literal('nut'),
    ...base,
    unit: unit.default('W'),
    address,
    ups: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be the name of a UPS as upsc -l shows it'),
    /** Default: ups.realpower and its like, else ups.load x ups.realpower.nominal (then flagged estimated). */
    variable: z
      .string()
      .regex(/^[A-Za-z0-9.]{1,64}$/)
      .optional(),
    username: username.optional(),
    password_file: absolutePath.optional(),
    timeout_ms: timeout(5_000),
  }),
  z.strictObject({
    kind: z.literal('sunspec'),
    ...base,
    address,
    unit_id: z.number().int().min(0).max(247).default(1),
    /** Default: the inverter for green power, else the meter. */
    model: z
      .number()
      .refine(id => modelIds.includes(id), `must be one of ${modelIds.join(', ')}`)
      .optional(),
    instance: z.number().int().min(1).max(50).optional(),
    base: z.number().int().min(0).max(65_000).optional(),
    invert: z.boolean().default(false),
    timeout_ms: timeout(2_000),
  }),
  z.strictObject({
    kind: z.literal('mqtt'),
    ...base,
    unit,
    url: url('mqtt|mqtts'),
    /** No wildcards: two devices behind one meter would be one that jumps. */
    topic: z.string().regex(/^[^+#\0]{1,256}$/, 'must be one topic, without + and #'),
    pointer,
    time_pointer: pointer,
    username: username.optional(),
    password_file: absolutePath.optional(),
    ca_file: absolutePath.optional(),
    timeout_ms: timeout(3_000),
  }),
  z.strictObject({
    kind: z.literal('prometheus'),
    ...base,
    unit,
    url: url('http|https'),
    metric: z.string().regex(/^[A-Za-z_:][\w:]{0,199}$/, 'must be the name of a metric'),
    labels: z.record(z.string().regex(/^[A-Za-z_]\w{0,99}$/), z.string().max(200)).default({}),
    token_file: absolutePath.optional(),
  }),
])
export type MeterConfig = z.infer<typeof meterSchema>

/** Every key that some kind of meter takes, for "did you mean". */
export const meterKeys: readonly string[] = [
  ...new Set(meterSchema.options.flatMap(option => Object.keys(option.shape))),
]
