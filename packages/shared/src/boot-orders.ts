/**
 * What a host is to do with VMs that died with it while its coordinator is gone, and what hosts then sign to each other: one
 * asks, the others yield. The rules and what goes wrong without each: model/boot.pml, rule 5.
 */
import { signValue, verifyValue } from './certificates.js'
import type { Signer } from './certificates.js'
import { HeliotropeError } from './errors.js'
import type { Epoch, HostId, VmId } from './ids.js'
import type { OwnerProof } from './owner-proof.js'
import type { Ms } from './units.js'

/** Another host, as the coordinator names it: who must yield before a VM is started without the coordinator. */
export interface BootPeer {
  host: HostId
  /** SHA-256 of its public key (SPKI, DER), hex. */
  key: string
  /** Where its agent answers other hosts; without address and port it cannot be asked. */
  address?: string
  port?: number
}

/** What the operator wants of VMs after a power cut; `except` holds names or uuids for which it is the other way round. */
export interface BootPolicy {
  policy: 'auto' | 'manual'
  except: readonly string[]
}

/** In force until the next ones, whether the coordinator is there or not. */
export interface BootOrders {
  policy: BootPolicy['policy']
  except: string[]
  /** All hosts to which the coordinator could give a VM of this host: it promises to give it to no other. */
  peers: BootPeer[]
}

/** Absent: auto. */
export function bootPolicyOf(boot: BootPolicy | undefined, vm: string, name: string): BootPolicy['policy'] {
  const { policy, except } = boot ?? { policy: 'auto', except: [] }
  const other = policy === 'auto' ? 'manual' : 'auto'
  return except.some(word => word === vm || word === name) ? other : policy
}

/** "I own it at `epoch`, it died with me, our coordinator is gone: yield it to me." */
export interface YieldRequestBody {
  kind: 'yield-request'
  vm: VmId
  epoch: Epoch
  by: HostId
  /** The boot in which it would start the VM. */
  bootId: string
  /** Boots of it before that one: evidence about any of these is void from now on. */
  earlier: string[]
  to: HostId
  at: Ms
}

/** "All below `epoch`, and every order that rests on an earlier boot of yours, is void here": journalled before it is said. */
export interface YieldAnswerBody {
  kind: 'yielded'
  vm: VmId
  epoch: Epoch
  by: HostId
  bootId: string
  to: HostId
  toBoot: string
  at: Ms
}

export interface Signed<B> {
  body: B
  /** Public key of the signer, SPKI DER, base64. */
  key: string
  /** base64 */
  signature: string
}
/** Beside the signed request, so that it can be checked by who knows nothing of proofs. */
export type YieldRequest = Signed<YieldRequestBody> & { proof?: OwnerProof }
export type YieldAnswer = Signed<YieldAnswerBody>
/** What a peer says to a request. */
export type YieldReply = { ok: true; answer: YieldAnswer } | { ok: false; code: string; message: string }

/**
 * Earlier boots that a request names at most, and that are kept of one: the newest. An order that rests on an older one cannot
 * come any more: each command names its session, and a session lasts no longer than the boots at its ends.
 */
export const MAX_EARLIER_BOOTS = 64

export const signBoot = <B extends YieldRequestBody | YieldAnswerBody>(
  signer: Signer,
  body: B,
): Signed<B> => ({ body, key: signer.publicKey, signature: signValue(signer, body) })

/** @param key fingerprint of who must have signed it @throws unauthorised */
export function checkSigned<B extends YieldRequestBody | YieldAnswerBody>(
  { body, key: publicKey, signature }: Signed<B>,
  key: string,
): B {
  if (verifyValue(body, publicKey, signature, key)) return body
  throw new HeliotropeError('unauthorised', `${body.kind} is not signed by ${body.by}`)
}
