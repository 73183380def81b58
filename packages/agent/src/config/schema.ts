/** What the operator may write into agent.yaml. The unit is part of each key's name. */
import { z } from 'zod'
import { hostIdSchema, siteIdSchema, vmIdSchema } from '@heliotrope/shared'
import { absolutePath as absolute, meterSchema } from './meter-schema.js'
import { powerSchema } from './power-schema.js'
import { watchdogSchema } from './watchdog-schema.js'

const port = z.number().int().min(1).max(65535)
const portal = z
  .string()
  .regex(/^[0-9a-zA-Z.:[\]-]+:\d{1,5}$/, 'must be ADDRESS:PORT, for example 10.0.0.5:3260')

/** Program and arguments; no shell sees them. */
const program = z.tuple([absolute], z.string().max(500))

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
      /** Disks of this host that a VM may have which comes here, each for one VM. */
      local: z
        .array(z.strictObject({ vm: vmIdSchema, paths: z.array(absolute).min(1).max(64) }))
        .max(1000)
        .default([]),
      /**
       * SCSI-3 persistent reservations. `auto`: where the target keeps them over a power loss. `pr`: on every target that has
       * them; one that forgets them when a session breaks then turns the VM's writes away.
       */
      fence: z.enum(['auto', 'pr', 'none']).default('auto'),
      /**
       * For targets without reservations: programs that keep the target's list of initiators, the same on every host.
       * {target}, {portal}, {lun} and {initiator} are filled in. `deny` must also end that initiator's sessions.
       */
      acl: z.strictObject({ allow: program, deny: program, list: program }).optional(),
    })
    .default({ iscsi: { portals: [] }, local: [], fence: 'auto' }),
  /** Bridges that arriving VMs may use; absent: all. */
  bridges: z
    .array(z.string().regex(/^[A-Za-z0-9._-]{1,15}$/))
    .max(200)
    .optional(),
  meters: z
    .array(meterSchema)
    .max(100)
    .default([])
    .refine(all => new Set(all.map(one => one.name)).size === all.length, 'two meters have the same name'),
  /** VMs that died with this host while the coordinator is gone. */
  boot: z
    .strictObject({
      /** So long the coordinator must have been away before the owner asks the other hosts and starts them; 0: never. */
      without_coordinator_after_s: z.number().int().min(0).max(604_800).default(300),
      /** Where this agent answers the agents of other hosts, at mover.address. */
      port: port.default(7437),
    })
    .default({ without_coordinator_after_s: 300, port: 7437 }),
  /** Standing by, and waking others. */
  power: powerSchema,
  /** Has the hypervisor reboot this host when it hangs. */
  watchdog: watchdogSchema.optional(),
  report: z
    .strictObject({
      every_ms: z.number().int().min(500).max(3_600_000).default(5_000),
      buffer_days: z.number().min(0.01).max(365).default(7),
      buffer_mib: z.number().min(1).max(10_240).default(50),
    })
    .default({ every_ms: 5_000, buffer_days: 7, buffer_mib: 50 }),
})

export type AgentConfig = z.infer<typeof agentConfigSchema>
export type { MeterConfig } from './meter-schema.js'
