/** What this host's journal holds to prove that it owns a VM: for hosts that are asked to yield it, with nobody else to ask. */
import type { BootGrant, HostCertificate, Journal, OwnerProof } from '@heliotrope/shared'
import type { RecordBody } from '../mover/records.js'

/** More than a move ever has; what the other side reads is bounded, too. */
const MAX_CERTIFICATES = 20

/** @param stream in which the host came to own it @returns undefined where nothing was ever granted */
export function proofIn(journal: Journal, stream: string | undefined): OwnerProof | undefined {
  if (stream === undefined) return undefined
  const bodies = journal.read(stream).map(record => record.body as RecordBody & { grant?: BootGrant })
  const boot = bodies[0]?.grant
  if (boot) return { boot }
  const grant = bodies[0]?.order?.grant
  if (!grant) return undefined
  const certificates = bodies.flatMap(({ certificate }): HostCertificate[] =>
    certificate ? [certificate] : [],
  )
  return { grant, certificates: certificates.slice(-MAX_CERTIFICATES) }
}
