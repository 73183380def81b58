/**
 * What a statement that a host holds proves to a coordinator that does not know it: whose the VM was, who gave it up, and which
 * numbers are taken. Pure. Only what the coordinator itself has signed counts, and of what follows only the words of both sides.
 */
import { checkBootGrant, checkGrant, checkHostCertificate } from '@heliotrope/shared'
import type {
  BootId,
  Epoch,
  HeldStatement,
  HostCertificateKind,
  HostId,
  MoveId,
  Ms,
  VmId,
} from '@heliotrope/shared'
import type { Proven } from '../state/evidence.js'

export interface Learnt {
  vm: VmId
  /** What was granted. */
  move?: MoveId
  boot?: BootId
  /** When. */
  at: Ms
  /** Of the grant, which reserved this and the three that follow. */
  epoch: Epoch
  parties: HostId[]
  /** In the order of their epochs. */
  proven: Proven[]
}

const valid = <T>(check: () => T): T | undefined => {
  try {
    return check()
  } catch {
    return undefined
  }
}

/**
 * @param by the host that holds it: a boot's grant in its journal is one that it has begun
 * @param trusted fingerprints of the keys with which we have ever signed
 */
export function whatItProves(held: HeldStatement, by: HostId, trusted: readonly string[]): Learnt[] {
  return [...moveOf(held, trusted), ...bootOf(held, by, trusted)]
}

function moveOf({ vm, grant, certificates = [] }: HeldStatement, trusted: readonly string[]): Learnt[] {
  const move = grant && valid(() => checkGrant(grant, trusted))
  if (move?.vm !== vm) return []
  const { epoch, from, to } = move
  const has = (kind: HostCertificateKind, offset: number): boolean =>
    certificates.some(
      certificate =>
        certificate.body.kind === kind &&
        valid(() => checkHostCertificate(certificate, move))?.epoch === epoch + offset,
    )
  const source = { owner: from.host, by: `move ${move.move}` }
  const released = (['release', 'release2'] as const).find(kind => has(kind, kind === 'release' ? 1 : 3))
  const offset = released === 'release2' ? 3 : 1
  const moved = released !== undefined && has('accept', offset)
  const proven: Proven[] = [{ ...source, epoch, gaveUp: [] }]
  if (moved) proven.push({ epoch: epoch + offset, owner: to.host, by: source.by, gaveUp: [from.host] })
  else if (has('reclaimed', 2)) proven.push({ ...source, epoch: epoch + 2, gaveUp: [] })
  // Who has it since, that one's own statements say.
  else if (released) proven.push({ ...source, epoch, gaveUp: [from.host], released: true })
  return [{ vm, move: move.move, at: move.at, epoch, parties: [from.host, to.host], proven }]
}

function bootOf({ vm, boot: grant }: HeldStatement, by: HostId, trusted: readonly string[]): Learnt[] {
  const body = grant && valid(() => checkBootGrant(grant, trusted))
  if (body?.vm !== vm || body.to.host !== by) return []
  const { at, boot, epoch, evidence } = body
  const gaveUp = evidence.map(one => one.host)
  return [
    {
      ...{ vm, boot, at, epoch, parties: [by, ...gaveUp] },
      proven: [{ epoch, owner: by, by: `boot ${boot}`, gaveUp }],
    },
  ]
}
