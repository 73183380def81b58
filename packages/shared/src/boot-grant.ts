/**
 * The grant of a cold boot: one host may start the VM from its disk, once, in the boot that the grant names. The rules and
 * what goes wrong without each: model/boot.pml.
 */
import { signValue, verifyValue } from './certificates.js'
import type { GrantSide, Signer } from './certificates.js'
import { HeliotropeError } from './errors.js'
import type { BootId, Epoch, HostId, VmId } from './ids.js'
import type { VmConfig } from './model.js'
import type { Ms } from './units.js'

/** Why another host cannot run the VM: it has journalled that it yields, or it was off after the boot that is named. */
export interface BootEvidence {
  host: HostId
  what: 'yielded' | 'power-off' | 'operator'
  /** The boot of that host that this is about; empty if it was never heard of. */
  bootId: string
  /** In words: who said so. */
  text: string
  at: Ms
}

export interface BootGrantBody {
  kind: 'boot'
  boot: BootId
  vm: VmId
  /** Above all that was handed out before; the three that follow are reserved as with a move. */
  epoch: Epoch
  to: GrantSide
  config: VmConfig
  evidence: BootEvidence[]
  at: Ms
}

export interface BootGrant {
  body: BootGrantBody
  /** Public key of the coordinator, SPKI DER, base64. */
  key: string
  /** base64 */
  signature: string
}

export function certifyBoot(signer: Signer, body: BootGrantBody): BootGrant {
  return { body, key: signer.publicKey, signature: signValue(signer, body) }
}

/** Checks the signature against the coordinator keys this host trusts. @throws unauthorised */
export function checkBootGrant(grant: BootGrant, trusted: readonly string[]): BootGrantBody {
  if (trusted.some(fingerprint => verifyValue(grant.body, grant.key, grant.signature, fingerprint)))
    return grant.body
  throw new HeliotropeError('unauthorised', `boot ${grant.body.boot} is not signed by our coordinator`)
}
