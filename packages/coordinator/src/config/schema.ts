/** The coordinator's config as it stands in the file: units in the key names, every range stated, no unknown keys. */
import { z } from 'zod'
import { idPatterns, schemaOf } from '@heliotrope/shared'
import type { BootPolicy } from '@heliotrope/shared'
import { defaultPolicy } from '@heliotrope/planner'
import { siteForecastShape } from '../forecast/config.js'
import { fenceSchema } from './fence-schema.js'
import { rulesSchema, tagsSchema } from './rules.js'

const minutes = 60_000
const seconds = 1_000

const site = z.strictObject({
  id: z.string().regex(idPatterns.site, 'must be lower-case letters, digits and dashes, at most 40'),
  name: z.string().min(1).max(80).optional(),
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  grid_gco2eq_per_kwh: z.number().min(0).max(2000),
  mode: z.enum(['observe', 'recommend', 'auto']).default('recommend'),
  /** Whether its empty hosts sleep. */
  standby: z.enum(['off', 'recommend', 'auto']).default('off'),
  /** So many of its hosts stay awake, come what may. */
  awake_floor: z.number().int().min(0).max(1000).default(1),
  /** Watts of the whole site for each watt of its hosts. */
  pue: z.number().min(1).max(5).default(1),
  ...siteForecastShape,
})

const host = z.strictObject({
  id: z.string().regex(idPatterns.host, 'must be lower-case letters, digits, dots and dashes, at most 64'),
  idle_w: z.number().min(0).max(10_000).optional(),
  peak_w: z.number().min(0).max(20_000).optional(),
  standby_w: z.number().min(0).max(1_000).optional(),
  wake_s: z.number().min(1).max(3600).optional(),
  keep_awake: z.boolean().default(false),
  fence: fenceSchema.optional(),
})

const policy = z.strictObject({
  /** What a plan must save over the horizon, its moves charged; and the share of their cost charged on top. */
  margin_gco2eq: z.number().min(0).max(1e9).default(defaultPolicy.marginGCO2eq),
  margin_share: z.number().min(0).max(10).default(defaultPolicy.marginShare),
  /** Of green power where a VM is not yet: 0.5 is what is expected, 0.1 counts on what nearly always comes. */
  quantile: z.number().min(0.1).max(0.5).default(defaultPolicy.quantile),
  /** Of the first planner, which compared watts of one instant: accepted, and said to have no effect. */
  margin_w: z.number().min(0).max(1e6).optional(),
  horizon_minutes: z
    .number()
    .min(1)
    .max(2880)
    .default(defaultPolicy.horizonMs / minutes),
  cooldown_minutes: z
    .number()
    .min(0)
    .max(10_080)
    .default(defaultPolicy.cooldownMs / minutes),
  /** Not 0: what failed a moment ago fails again, and each try costs a transfer. */
  retry_after_failure_minutes: z
    .number()
    .min(1)
    .max(10_080)
    .default(defaultPolicy.retryAfterFailureMs / minutes),
  settle_s: z
    .number()
    .min(0)
    .max(86_400)
    .default(defaultPolicy.settleMs / seconds),
  max_concurrent_moves: z.number().int().min(1).max(100).default(defaultPolicy.maxConcurrentMoves),
  max_moves_per_hour: z.number().int().min(1).max(1000).default(defaultPolicy.maxMovesPerHour),
  report_max_age_s: z
    .number()
    .min(5)
    .max(3600)
    .default(defaultPolicy.reportMaxAgeMs / seconds),
  forecast_max_age_minutes: z
    .number()
    .min(1)
    .max(2880)
    .default(defaultPolicy.forecastMaxAgeMs / minutes),
  reserve_mib: z.number().min(0).max(1e6).default(defaultPolicy.reserveMiB),
  transfer_mb_per_s: z
    .number()
    .min(0.1)
    .max(1e5)
    .default(defaultPolicy.transferBps / 1e6),
  move_joules_fixed: z.number().min(0).max(1e6).default(defaultPolicy.moveJoulesFixed),
  move_joules_per_mib: z.number().min(0).max(1e3).default(defaultPolicy.moveJoulesPerMiB),
  wan_wh_per_gib: z.number().min(0).max(1e4).default(defaultPolicy.wanWhPerGiB),
  vcpus_per_cpu: z.number().min(0.1).max(1000).default(defaultPolicy.vcpusPerCpu),
  solver_s: z
    .number()
    .min(0.1)
    .max(600)
    .default(defaultPolicy.solverMs / seconds),
})

const moves = z.strictObject({
  /** 0: as fast as it goes. */
  rate_mb_per_s: z.number().min(0).max(1e5).default(0),
  start_minutes: z.number().min(1).max(60).default(10),
  copy_minutes: z.number().min(1).max(10_080).default(60),
  handover_s: z.number().min(1).max(3600).default(60),
  /** How long a VM may stand still in a regular move: none is begun that would take longer, and one that does is undone. */
  still_s: z
    .number()
    .min(1)
    .max(86_400)
    .default(defaultPolicy.maxStillMs / seconds),
  ask_s: z.number().min(1).max(3600).default(30),
  max_per_host: z.number().int().min(1).max(20).default(1),
})

const url = z.url({ protocol: /^https?$/, error: 'must be a URL, http or https' }).max(2_000)

/** Who is told of alarms beside the log: an endpoint, or a program. */
const alarms = z
  .strictObject({
    /** Gets each change by POST, as JSON. */
    webhook: url.optional(),
    /** Its first line is sent as the header `authorization`; read anew each time. */
    webhook_secret_file: z.string().startsWith('/', 'must be an absolute path').optional(),
    /** Gets each change as JSON on stdin; an absolute path, then its arguments. */
    command: z
      .tuple([z.string().startsWith('/', 'must be an absolute path')], z.string().max(1_000))
      .optional(),
  })
  .refine(({ webhook, command }) => !(webhook && command), { message: 'webhook or command, not both' })
  .refine(({ webhook, webhook_secret_file: secret }) => webhook !== undefined || secret === undefined, {
    message: 'webhook_secret_file has no meaning without webhook',
  })

export const fileSchema = z.strictObject({
  data_dir: z.string().startsWith('/', 'must be an absolute path').default('/var/lib/heliotrope'),
  console_socket: z.string().startsWith('/', 'must be an absolute path').max(100).optional(),
  listen: z
    .strictObject({
      host: z.string().min(1).default('0.0.0.0'),
      port: z.number().int().min(0).max(65535).default(7420),
    })
    .prefault({}),
  /** Names and addresses by which agents reach the coordinator. */
  server_names: z.array(z.string().min(1).max(253)).min(1).max(50),
  log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  report_interval_s: z.number().min(0.1).max(60).default(5),
  reconcile_interval_s: z.number().min(0.1).max(3600).default(30),
  join_token_minutes: z.number().min(1).max(1440).default(10),
  meter_stale_s: z.number().min(1).max(3600).default(60),
  host_power: z
    .strictObject({
      idle_w: z.number().min(0).max(10_000).default(80),
      peak_w: z.number().min(0).max(20_000).default(200),
      standby_w: z.number().min(0).max(1_000).default(8),
      /** From the order to wake until it takes VMs. */
      wake_s: z.number().min(1).max(3600).default(180),
    })
    .refine(power => power.peak_w >= power.idle_w, { message: 'peak_w must not be below idle_w' })
    .prefault({}),
  /** Hosts that are not like `host_power`, or must not sleep. */
  hosts: z.array(host).max(10_000).default([]),
  sites: z.array(site).min(1).max(500),
  policy: policy.prefault({}),
  moves: moves.prefault({}),
  /** What happens to a VM that ran when its host lost power; `except`: names or uuids for which it is the other way. */
  boot: schemaOf<BootPolicy>()(
    z.strictObject({
      policy: z.enum(['auto', 'manual']).default('auto'),
      except: z.array(z.string().min(1).max(160)).max(10_000).default([]),
    }),
  ).prefault({}),
  /** Names or uuids of VMs that no plan moves. */
  pinned_vms: z.array(z.string().min(1).max(160)).max(10_000).default([]),
  /** Names or uuids of VMs that may be moved by save, carry and restore where they cannot move live. */
  regular_vms: z.array(z.string().min(1).max(160)).max(10_000).default([]),
  tags: tagsSchema,
  rules: rulesSchema,
  alarms: alarms.prefault({}),
  /** Where Prometheus may ask, in the clear and without a password: keep it local, or on a network of your own. */
  metrics: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: z.number().int().min(0).max(65535).default(7430),
    })
    .optional(),
})

export type ConfigFile = z.infer<typeof fileSchema>
