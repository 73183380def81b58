/**
 * Who gets in: join by a single-use token, renewal by the key already known. Knows nothing of HTTP.
 */
import type { X509Certificate } from 'node:crypto'
import { DAY, fingerprintOf, HeliotropeError, hostId, MINUTE, siteId } from '@heliotrope/shared'
import type { Clock, HostId, Issued, JoinRequest, Ms, Rng, SiteId } from '@heliotrope/shared'
import type { Enrolment, TokenBinding } from '../store/enrolment.js'
import { checkSite, knownHost } from './admission.js'
import type { Authority } from './authority.js'

/** How long an expired certificate may still be used, for renewal only. */
export const RENEW_GRACE_MS: Ms = 90 * DAY
export const TOKEN_LIFE_MS: Ms = 10 * MINUTE

export interface Gate {
  createToken(binding: TokenBinding, lifeMs?: Ms): { token: string; expiresAt: Ms }
  /** @throws unauthorised for the token, bad-input for host, site or CSR */
  join(request: JoinRequest): Promise<Issued>
  /** @param peer the certificate that the TLS handshake proved @throws unauthorised */
  renew(peer: X509Certificate | undefined, csr: string): Promise<Issued>
}

export interface GatePorts {
  clock: Clock
  rng: Rng
  authority: Authority
  enrolment: Enrolment
  sites: readonly SiteId[]
  /** Called before the answer leaves: the audit of who joined. */
  enrolled?: (host: HostId, site: SiteId, how: 'join' | 'renew') => void
}

export function openGate(ports: GatePorts): Gate {
  const { clock, rng, authority, enrolment, sites } = ports
  const answer = (certificate: string, host: HostId, site: SiteId): Issued => ({
    certificate,
    ca: authority.certificate,
    coordinatorKey: authority.signer.publicKey,
    host,
    site,
  })
  return {
    createToken(binding, lifeMs = TOKEN_LIFE_MS) {
      if (binding.site !== undefined) checkSite(sites, binding.site)
      const secret = Buffer.from(rng.bytes(24)).toString('base64url')
      return { token: `${secret}.${authority.fingerprint}`, ...enrolment.addToken(secret, binding, lifeMs) }
    },
    async join(request) {
      const host = hostId(request.host)
      const site = siteId(request.site)
      checkSite(sites, site)
      const secret = request.token.split('.')[0] ?? ''
      // Certify first (a bad CSR must not cost the operator a token), spend before anything leaves this process.
      const issued = await authority.issueHost(request.csr, host)
      if (enrolment.isRevoked(issued.key))
        throw new HeliotropeError('unauthorised', `the key of host ${host} is revoked`, {
          remedy: 'remove the key file on the host, so that it makes a new one, and join again',
        })
      enrolment.spend(secret, host, site)
      enrolment.enrol({ id: host, site, key: issued.key, notAfter: issued.notAfter })
      ports.enrolled?.(host, site, 'join')
      return answer(issued.pem, host, site)
    },
    async renew(peer, csr) {
      if (!peer || !authority.signed(peer))
        throw new HeliotropeError(
          'unauthorised',
          'renewal needs the certificate that this coordinator issued',
        )
      const key = fingerprintOf(peer.publicKey.export({ type: 'spki', format: 'der' }))
      const known = knownHost(enrolment, commonName(peer), key)
      if (Date.parse(peer.validTo) + RENEW_GRACE_MS < clock.wall())
        throw new HeliotropeError(
          'unauthorised',
          `the certificate of ${known.id} expired more than 90 days ago`,
          {
            remedy: `make a token with: heliotrope token create --host ${known.id} --site ${known.site}, and join again`,
          },
        )
      const issued = await authority.issueHost(csr, known.id)
      if (issued.key !== key)
        throw new HeliotropeError('unauthorised', `renewal of ${known.id} must keep its key`, {
          remedy: 'a new key needs a new join token',
        })
      enrolment.renewed(known.id, issued.notAfter)
      ports.enrolled?.(known.id, known.site, 'renew')
      return answer(issued.pem, known.id, known.site)
    },
  }
}

const commonName = (certificate: X509Certificate): string =>
  /(?:^|\n)CN=([^\n]+)/.exec(certificate.subject)?.[1] ?? ''
