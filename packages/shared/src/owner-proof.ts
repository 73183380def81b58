/**
 * What proves that a host has owned a VM at an epoch: statements that it holds, each signed by somebody else than itself where
 * it gains by them. A host's own word proves nothing.
 */
import { checkBootGrant } from './boot-grant.js'
import type { BootGrant } from './boot-grant.js'
import { checkGrant, checkHostCertificate } from './certificates.js'
import type { Grant, HostCertificate, HostCertificateKind } from './certificates.js'
import type { Epoch, HostId, VmId } from './ids.js'

export interface OwnerProof {
  /** Of a move to or from the host, with the certificates of both sides. */
  grant?: Grant
  certificates?: HostCertificate[]
  /** Of a cold boot on the host. */
  boot?: BootGrant
}

/** Whose ownership is to be proven: name and key as the coordinator named them. */
export interface Owner {
  host: HostId
  /** SHA-256 of its public key (SPKI, DER), hex. */
  key: string
}

const valid = <T>(check: () => T): T | undefined => {
  try {
    return check()
  } catch {
    return undefined
  }
}

/**
 * The highest epoch at which these statements let the host have owned the VM; 0 if they prove nothing. Pure.
 * @param trusted fingerprints of the coordinator's keys, earlier ones too
 */
export function provenEpoch(
  { grant, certificates = [], boot }: OwnerProof,
  vm: VmId,
  { host, key }: Owner,
  trusted: readonly string[],
): Epoch {
  const booted = boot && valid(() => checkBootGrant(boot, trusted))
  const byBoot = booted?.vm === vm && booted.to.host === host && booted.to.key === key ? booted.epoch : 0
  const move = grant && valid(() => checkGrant(grant, trusted))
  if (move?.vm !== vm) return byBoot
  const said = (kind: HostCertificateKind): Epoch =>
    Math.max(
      0,
      ...certificates
        .filter(({ body }) => body.kind === kind)
        .map(certificate => valid(() => checkHostCertificate(certificate, move).epoch) ?? 0),
    )
  const is = (side: Owner): boolean => side.host === host && side.key === key
  const bySource = is(move.from) ? Math.max(move.epoch, said('reclaimed')) : 0
  // Its Accept is worth nothing where nobody has released the VM to it.
  const byTarget = is(move.to) ? Math.max(said('release'), said('release2')) : 0
  return Math.max(byBoot, bySource, byTarget)
}
