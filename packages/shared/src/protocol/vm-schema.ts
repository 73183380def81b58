/** Schema of a VM's config: what the Grant names, and what `xl` and iSCSI are later told. */
import { z } from 'zod'
import type { Disk, DiskSource, Vif, VmConfig } from '../model.js'
import { devicePath, vmIdSchema } from './fields.js'
import { schemaOf } from './schema-of.js'

const diskSource = schemaOf<DiskSource>()(
  z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('iscsi'),
      portal: z
        .string()
        .max(80)
        .regex(/^[0-9a-zA-Z.:[\]-]+:\d{1,5}$/),
      iqn: z
        .string()
        .max(223)
        .regex(/^(iqn|eui|naa)\.[A-Za-z0-9.:_-]+$/),
      lun: z.number().int().min(0).max(16383),
    }),
    z.object({ kind: z.literal('local'), path: devicePath }),
  ]),
)

const disk = schemaOf<Disk>()(
  z.object({
    vdev: z
      .string()
      .max(16)
      .regex(/^(xvd|hd|sd)[a-z]{1,2}\d{0,3}$/),
    path: devicePath,
    readonly: z.boolean(),
    source: diskSource,
  }),
)

const vif = schemaOf<Vif>()(
  z.object({
    mac: z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/),
    bridge: z
      .string()
      .max(15)
      .regex(/^[A-Za-z0-9._-]+$/),
  }),
)

const onEnd = z.enum([
  'destroy',
  'restart',
  'preserve',
  'rename-restart',
  'coredump-destroy',
  'coredump-restart',
])

const memoryMiB = z
  .number()
  .min(1)
  .max(64 * 1024 * 1024)

export const vmNamePattern = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,126}$/

export const vmConfigSchema = schemaOf<VmConfig>()(
  z.object({
    uuid: vmIdSchema,
    name: z.string().regex(vmNamePattern),
    type: z.enum(['pv', 'pvh', 'hvm']),
    memoryMiB,
    maxMemoryMiB: memoryMiB,
    vcpus: z.number().int().min(1).max(4096),
    disks: z.array(disk).max(64),
    vifs: z.array(vif).max(64),
    onPoweroff: onEnd,
    onReboot: onEnd,
    onCrash: onEnd,
  }),
)
