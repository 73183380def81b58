/** What a host sends to join and to renew its certificate, and what it gets: JSON over HTTPS, before it may open a session. */
import { z } from 'zod'
import type { HostId, SiteId } from '../ids.js'
import { hostIdSchema, siteIdSchema, text } from './fields.js'
import { schemaOf } from './schema-of.js'

export interface JoinRequest {
  /** `<random>.<CA fingerprint>`, as `token create` printed it. */
  token: string
  /** As the host names itself; the coordinator checks both. */
  host: string
  site: string
  /** PKCS#10, PEM. */
  csr: string
}

export interface RenewRequest {
  /** PKCS#10, PEM, for the key of the certificate that the connection showed. */
  csr: string
}

/** What the coordinator hands out at joining and renewal. */
export interface Issued {
  /** PEM, 30 days. */
  certificate: string
  /** PEM. */
  ca: string
  /** Public key that signs grants and commands: SPKI DER, base64. To be pinned. */
  coordinatorKey: string
  host: HostId
  site: SiteId
}

const csr = text(8_000)

export const joinRequestSchema = schemaOf<JoinRequest>()(
  z.object({ token: text(200), host: text(80), site: text(80), csr }),
)

export const renewRequestSchema = schemaOf<RenewRequest>()(z.object({ csr }))

export const issuedSchema = schemaOf<Issued>()(
  z.object({
    certificate: text(16_384),
    ca: text(16_384),
    coordinatorKey: text(400),
    host: hostIdSchema,
    site: siteIdSchema,
  }),
)
