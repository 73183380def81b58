/**
 * What the coordinator tells every agent of the fleet, signed: where its own journal ends, which hosts may come in, and which
 * keys never do. A coordinator whose data is older than that (a restored backup) learns it from them again.
 */
import { signValue, verifyValue } from './certificates.js'
import type { GrantSide, Signer } from './certificates.js'
import type { Signed } from './boot-orders.js'
import { HeliotropeError } from './errors.js'
import type { SiteId, VmId } from './ids.js'
import type { OwnerProof } from './owner-proof.js'
import type { RevokedKey } from './protocol/commands.js'
import type { Ms } from './units.js'

export interface FleetBody {
  kind: 'fleet'
  /** Last record of the coordinator's journal when this was signed. */
  head: { seq: number; hash: string }
  hosts: (Omit<GrantSide, 'bootId'> & { site: SiteId })[]
  revoked: RevokedKey[]
  at: Ms
}
export type FleetStatement = Signed<FleetBody>

/** What a host holds about one VM. */
export interface HeldStatement extends OwnerProof {
  vm: VmId
}

/** A page of what a host holds. */
export interface HeldStatements {
  statements: HeldStatement[]
  /** The newest that it was told; with the first page. */
  fleet?: FleetStatement
  /** To be asked for next; absent: that was all. */
  next?: VmId
}

export const signFleet = (signer: Signer, body: FleetBody): FleetStatement => ({
  ...{ body, key: signer.publicKey },
  signature: signValue(signer, body),
})

/** @param trusted fingerprints of the coordinator's keys @throws unauthorised */
export function checkFleet({ body, key, signature }: FleetStatement, trusted: readonly string[]): FleetBody {
  if (trusted.some(fingerprint => verifyValue(body, key, signature, fingerprint))) return body
  throw new HeliotropeError('unauthorised', 'a statement about the fleet is not signed by our coordinator')
}
