/** Which session may speak for which host: its certificate, its hello and what we know of the host must agree. */
import { HeliotropeError } from '@heliotrope/shared'
import type { HostId, SiteId, Socket } from '@heliotrope/shared'
import type { Enrolment } from '../store/enrolment.js'

/** @throws unauthorised, saying which of the three does not agree */
export function admit(
  enrolment: Enrolment,
  sites: readonly SiteId[],
  peer: Socket['peer'],
  claim: { host: HostId; site: SiteId; key: string },
): void {
  const refuse = (why: string): never => {
    throw new HeliotropeError('unauthorised', why)
  }
  if (!peer) return refuse('no valid client certificate')
  if (peer.name !== claim.host) refuse(`the certificate is of ${peer.name}, the hello says ${claim.host}`)
  if (peer.key !== claim.key) refuse(`the hello of ${claim.host} names another key than its certificate`)
  const known = knownHost(enrolment, peer.name, peer.key)
  if (known.site !== claim.site)
    refuse(`${known.id} joined for site ${known.site}, the hello says ${claim.site}`)
  if (!sites.includes(claim.site)) refuse(`site ${claim.site} is not in the coordinator's config`)
}

/** @throws unauthorised for a host that has not joined, is revoked, or has joined with another key since */
export function knownHost(enrolment: Enrolment, name: string, key: string): { id: HostId; site: SiteId } {
  const refuse = (why: string): never => {
    throw new HeliotropeError('unauthorised', why, {
      remedy: `to let it in: heliotrope token create --host ${name}, then heliotrope-agent join`,
    })
  }
  if (enrolment.isRevoked(key)) refuse(`the certificate of ${name} is revoked`)
  const known = enrolment.find(name as HostId)
  if (!known) return refuse(`host ${name} has not joined`)
  if (known.revokedAt !== undefined) refuse(`host ${name} is revoked`)
  if (known.key !== key) refuse(`host ${name} has joined with another key since`)
  return known
}

/** @throws bad-input naming the sites there are */
export function checkSite(sites: readonly SiteId[], site: SiteId): void {
  if (!sites.includes(site))
    throw new HeliotropeError('bad-input', `unknown site ${site}; known are ${sites.join(', ') || 'none'}`, {
      remedy: 'declare the site in the coordinator config, or correct it in the agent config',
    })
}
