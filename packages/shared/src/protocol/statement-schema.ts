/** Schemas of the signed statements of a move and of a cold boot. */
import { z } from 'zod'
import type { BootGrant } from '../boot-grant.js'
import type { Certificate, Grant, GrantSide, HostCertificate } from '../certificates.js'
import { hostCertificateKinds, moveKinds } from '../certificates.js'
import { MAX_EPOCH } from '../ids.js'
import {
  bootGrantId,
  bootId,
  count,
  hash,
  hostIdSchema,
  moveIdSchema,
  signed,
  text,
  time,
  vmIdSchema,
} from './fields.js'
import { schemaOf } from './schema-of.js'
import { vmConfigSchema } from './vm-schema.js'

const grantSide = schemaOf<GrantSide>()(z.object({ host: hostIdSchema, key: hash, bootId }))
/** What follows it, three epochs and the next grant, must still be epochs. */
const grantEpoch = count.max(MAX_EPOCH - 8)

const grantBody = z.object({
  kind: z.literal('grant'),
  move: moveIdSchema,
  vm: vmIdSchema,
  epoch: grantEpoch,
  from: grantSide,
  to: grantSide,
  config: vmConfigSchema,
  how: z.enum(moveKinds).optional(),
  startBefore: time,
  at: time,
})
const hostCertificateBody = z.object({
  kind: z.enum(hostCertificateKinds),
  move: moveIdSchema,
  vm: vmIdSchema,
  epoch: count,
  by: hostIdSchema,
  bootId,
  at: time,
})

export const grantSchema = schemaOf<Grant>()(signed(grantBody))
export const hostCertificateSchema = schemaOf<HostCertificate>()(signed(hostCertificateBody))
export const certificateSchema = schemaOf<Certificate>()(
  signed(z.discriminatedUnion('kind', [grantBody, hostCertificateBody])),
)

export const bootGrantSchema = schemaOf<BootGrant>()(
  signed(
    z.object({
      kind: z.literal('boot'),
      boot: bootGrantId,
      vm: vmIdSchema,
      epoch: grantEpoch,
      to: grantSide,
      config: vmConfigSchema,
      evidence: z
        .array(
          z.object({
            host: hostIdSchema,
            what: z.enum(['yielded', 'power-off', 'operator']),
            bootId,
            text: text(500),
            at: time,
          }),
        )
        .max(1000),
      at: time,
    }),
  ),
)
