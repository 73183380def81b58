/**
 * How a move ended, as far as it is proven. The coordinator never decides it: a certificate or the journal of the side
 * that may say so does. Pure.
 */
import type {
  Epoch,
  GrantBody,
  HostCertificate,
  HostCertificateKind,
  MoveOutcome,
  MoveStanding,
} from '@heliotrope/shared'
import { checkHostCertificate } from '@heliotrope/shared'

export interface Standings {
  source?: MoveStanding
  target?: MoveStanding
}

export interface Proof {
  outcome: MoveOutcome
  /** Owner epoch that follows. */
  epoch: Epoch
  why: string
}

/** Records of the source that has given the VM away. */
const pastCommit = ['COMMIT', 'COMMIT2', 'RELEASED']
/** Records of the source from which it cannot commit any more. At PREPARED it may have READY in hand. */
const beforeCommit = ['', 'ORDERED', 'ABORT']

/**
 * @param certificates seen so far, checked or not: those that do not fit the grant count for nothing
 * @param startImpossible the source was never told to start, or its answer shows that it did not, or the grant expired
 */
export function provenOutcome(
  grant: GrantBody,
  certificates: readonly HostCertificate[],
  standings: Standings,
  startImpossible: boolean,
): Proof | undefined {
  const find = (kind: HostCertificateKind): { epoch: Epoch } | undefined =>
    certificates.find(certificate => certificate.body.kind === kind && fits(certificate, grant))?.body
  const { source, target } = standings
  const e = grant.epoch

  // The target's word alone is none: it would have what nobody has released to it.
  const released = (offset: number): boolean =>
    find(offset === 3 ? 'release2' : 'release') !== undefined ||
    (source?.known === true && pastCommit.includes(source.record))
  const accept = find('accept')
  if (accept && released(accept.epoch - e))
    return { outcome: 'moved', epoch: accept.epoch, why: `${grant.to.host} accepted it` }
  if (target?.known && (target.record === 'RUNNING' || target.outcome === 'moved') && released(1))
    return { outcome: 'moved', epoch: e + 1, why: `it runs on ${grant.to.host}` }
  if (source?.closed && source.outcome === 'moved')
    return { outcome: 'moved', epoch: e + 1, why: `${grant.from.host} gave it away and closed` }

  const reclaimed = find('reclaimed')
  if (reclaimed)
    return { outcome: 'stayed', epoch: reclaimed.epoch, why: reasonOf(standings, 'the source took it back') }
  if (find('abort'))
    return { outcome: 'stayed', epoch: e, why: reasonOf(standings, 'the source gave up before commit') }
  if (source?.closed && source.outcome === 'stayed')
    return { outcome: 'stayed', epoch: e, why: reasonOf(standings, 'it stayed') }
  if (source?.outcome === 'lost' || target?.outcome === 'lost')
    return { outcome: 'lost', epoch: e + 3, why: reasonOf(standings, 'no copy of its memory is left') }
  // A Refuse alone is no end: a source past COMMIT must first take the VM back, or hand out a second Release.
  if (find('refuse') && source && beforeCommit.includes(source.record))
    return { outcome: 'stayed', epoch: e, why: reasonOf(standings, 'the target refused') }
  if (startImpossible && source && !source.known)
    return { outcome: 'stayed', epoch: e, why: reasonOf(standings, 'the source never started') }
  return undefined
}

function fits(certificate: HostCertificate, grant: GrantBody): boolean {
  try {
    checkHostCertificate(certificate, grant)
    return true
  } catch {
    return false
  }
}

const reasonOf = ({ source, target }: Standings, otherwise: string): string =>
  source?.reason ?? target?.reason ?? otherwise

/** Both sides have put everything away, or have never heard of it. */
export const bothClosed = ({ source, target }: Standings): boolean =>
  source !== undefined && target !== undefined && [source, target].every(side => side.closed || !side.known)
