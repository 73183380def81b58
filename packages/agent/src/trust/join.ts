/** Joining and renewal: the key never leaves the host, and the coordinator is known by the CA's key in the token. */
import { firstIssue, HeliotropeError, issuedSchema, SECOND } from '@heliotrope/shared'
import type { HostId, Issued, JoinRequest, Ms, RenewRequest, SiteId } from '@heliotrope/shared'
import { certificateRequest } from './csr.js'
import { ensureKey, readIdentity, writeIdentity, writeWhole } from './identity.js'
import type { Identity } from './identity.js'
import { fetchAuthority, post } from './post.js'

/** `<random>.<SHA-256 of the CA's public key>`, as `heliotrope token create` prints it. */
const TOKEN = /^([A-Za-z0-9_-]{16,200})\.([0-9a-f]{64})$/

export interface JoinOptions {
  /** `wss://HOST:PORT`, as in the config. */
  coordinator: string
  host: HostId
  site: SiteId
  token: string
  dataDir: string
  timeoutMs?: Ms
}

/**
 * Nothing but the key is left behind if it fails.
 * @throws unauthorised for a token that is false, spent, expired or for somebody else; unavailable
 */
export async function join(options: JoinOptions): Promise<Identity> {
  const { host, site, dataDir, timeoutMs = 30 * SECOND } = options
  const token = options.token.trim()
  const [, , fingerprint] = TOKEN.exec(token) ?? []
  if (fingerprint === undefined)
    throw new HeliotropeError('bad-input', 'this is not a join token: it must look like SECRET.FINGERPRINT', {
      remedy: `make one with: heliotrope token create --host ${host} --site ${site}`,
    })
  const base = httpsUrl(options.coordinator)
  const ca = await fetchAuthority(base, fingerprint, timeoutMs)
  const csr = certificateRequest(ensureKey(dataDir).privateKey, host)
  const request: JoinRequest = { token, host, site, csr }
  const issued = parse(await post(new URL('/join', base), request, { ca }, timeoutMs))
  if (issued.host !== host || issued.site !== site)
    throw new HeliotropeError(
      'unauthorised',
      `the coordinator certified ${issued.host} at ${issued.site}, not ${host} at ${site}`,
    )
  writeIdentity(dataDir, { ...issued, ca })
  return readIdentity(dataDir) as Identity
}

/** A new certificate for the same key. @throws unauthorised, unavailable */
export async function renew(
  identity: Identity,
  coordinator: string,
  dataDir: string,
  timeoutMs: Ms = 30 * SECOND,
): Promise<Identity> {
  const { ca, key, certificate, host } = identity
  const request: RenewRequest = { csr: certificateRequest(identity.signer.privateKey, host) }
  const answer = await post(
    new URL('/renew', httpsUrl(coordinator)),
    request,
    { ca, key, cert: certificate },
    timeoutMs,
  )
  const issued = parse(answer)
  // Only the certificate: the pinned CA and key stay, whatever the answer says of them.
  writeWhole(identity.files.certificate, issued.certificate, 0o644)
  return readIdentity(dataDir) as Identity
}

function parse(answer: unknown): Issued {
  const parsed = issuedSchema.safeParse(answer)
  if (parsed.success) return parsed.data
  throw new HeliotropeError('bad-frame', `the coordinator's answer does not fit: ${firstIssue(parsed.error)}`)
}

export const httpsUrl = (coordinator: string): URL => new URL(coordinator.replace(/^ws/, 'http'))
