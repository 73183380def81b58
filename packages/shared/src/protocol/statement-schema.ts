/** Schemas of what is signed about a VM: its config, the grants of the coordinator, the words of hosts. */
import { z } from 'zod'
import type { BootGrant } from '../boot-grant.js'
import { hostCertificateKinds, moveKinds } from '../certificates.js'
import type { Grant, HostCertificate } from '../certificates.js'
import { MAX_EPOCH } from '../ids.js'
import type { Disk, Vif, VmConfig } from '../model.js'
import {
  bootGrantId,
  bootId,
  count,
  devicePath,
  hash,
  hostIdSchema,
  moveIdSchema,
  signed,
  text,
  time,
  vmIdSchema,
} from './fields.js'

const diskSource = z.discriminatedUnion('kind', [
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
])

const disk: z.ZodType<Disk> = z.object({
  vdev: z
    .string()
    .max(16)
    .regex(/^(xvd|hd|sd)[a-z]{1,2}\d{0,3}$/),
  path: devicePath,
  readonly: z.boolean(),
  source: diskSource,
})

const vif: z.ZodType<Vif> = z.object({
  mac: z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/),
  bridge: z
    .string()
    .max(15)
    .regex(/^[A-Za-z0-9._-]+$/),
})

const onEnd = z.enum([
  'destroy',
  'restart',
  'preserve',
  'rename-restart',
  'coredump-destroy',
  'coredump-restart',
])

export const vmNamePattern = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,126}$/

export const vmConfigSchema: z.ZodType<VmConfig> = z.object({
  uuid: vmIdSchema,
  name: z.string().regex(vmNamePattern),
  type: z.enum(['pv', 'pvh', 'hvm']),
  memoryMiB: z
    .number()
    .min(1)
    .max(64 * 1024 * 1024),
  maxMemoryMiB: z
    .number()
    .min(1)
    .max(64 * 1024 * 1024),
  vcpus: z.number().int().min(1).max(4096),
  disks: z.array(disk).max(64),
  vifs: z.array(vif).max(64),
  onPoweroff: onEnd,
  onReboot: onEnd,
  onCrash: onEnd,
})

/** What is known of a boot of a host. */
export const evidence = { host: hostIdSchema, bootId, text: text(500), at: time }

const grantSide = z.object({ host: hostIdSchema, key: hash, bootId })

export const grantSchema: z.ZodType<Grant> = signed(
  z.object({
    kind: z.literal('grant'),
    move: moveIdSchema,
    vm: vmIdSchema,
    epoch: count.max(MAX_EPOCH - 8),
    from: grantSide,
    to: grantSide,
    config: vmConfigSchema,
    how: z.enum(moveKinds).optional(),
    startBefore: time,
    at: time,
  }),
)

export const bootGrantSchema: z.ZodType<BootGrant> = signed(
  z.object({
    kind: z.literal('boot'),
    boot: bootGrantId,
    vm: vmIdSchema,
    epoch: count.max(MAX_EPOCH - 8),
    to: grantSide,
    config: vmConfigSchema,
    evidence: z
      .array(z.object({ ...evidence, what: z.enum(['yielded', 'power-off', 'operator']) }))
      .max(1000),
    at: time,
  }),
)

export const hostCertificateSchema: z.ZodType<HostCertificate> = signed(
  z.object({
    kind: z.enum(hostCertificateKinds),
    move: moveIdSchema,
    vm: vmIdSchema,
    epoch: count,
    by: hostIdSchema,
    bootId,
    at: time,
  }),
)
