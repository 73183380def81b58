/**
 * The signed certificates of a move (DESIGN 5). A certificate is a body, the signer's public key and a signature over
 * the canonical body. The Grant names the key fingerprints of coordinator, source and target, so that every later
 * certificate of the move is checked against the Grant alone, with nobody else reachable.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { canonical } from './canonical.js'
import { HeliotropeError } from './errors.js'
import type { Epoch, HostId, MoveId, VmId } from './ids.js'
import type { VmConfig } from './model.js'
import type { Ms } from './units.js'

/**
 * How a VM is carried. `live`: it runs while its memory is copied. `regular`: it is saved, carried and restored, and stands
 * still all the while; a PV guest can be moved only so where the hypervisor has no shadow paging.
 */
export const moveKinds = ['live', 'regular'] as const
export type MoveKind = (typeof moveKinds)[number]

/** One side of a move, as the Grant names it. */
export interface GrantSide {
  host: HostId
  /** SHA-256 of the host's public key (SPKI, DER), hex. */
  key: string
  bootId: string
}

export interface GrantBody {
  kind: 'grant'
  move: MoveId
  vm: VmId
  /** Owner epoch e at the source; e+1 to e+3 are reserved by this grant. */
  epoch: Epoch
  from: GrantSide
  to: GrantSide
  config: VmConfig
  /** Absent: live. */
  how?: MoveKind
  /** Bounds only the start of the move; wall clock, UTC. */
  startBefore: Ms
  at: Ms
}

export const hostCertificateKinds = [
  'release',
  'release2',
  'ask',
  'abort',
  'reclaimed',
  'accept',
  'refuse',
  'return',
  'lost',
] as const
export type HostCertificateKind = (typeof hostCertificateKinds)[number]

export interface HostCertificateBody {
  kind: HostCertificateKind
  move: MoveId
  vm: VmId
  /** The epoch the certificate hands out or claims: release e+1, reclaimed e+2, release2 and its accept e+3, else e. */
  epoch: Epoch
  by: HostId
  bootId: string
  at: Ms
}

export type CertificateBody = GrantBody | HostCertificateBody

export interface Certificate<B extends CertificateBody = CertificateBody> {
  body: B
  /** Public key of the signer, SPKI DER, base64. */
  key: string
  /** base64 */
  signature: string
}

export type Grant = Certificate<GrantBody>
export type HostCertificate = Certificate<HostCertificateBody>

/** Who signs: a private key with its public half. ECDSA P-256, the same key as in the TLS certificate. */
export interface Signer {
  privateKey: KeyObject
  /** SPKI DER, base64. */
  publicKey: string
  fingerprint: string
}

export function newSigner(): Signer {
  return signerOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
}

/** @param privateKey a key object, or PKCS#8 PEM */
export function signerOf(privateKey: KeyObject | string): Signer {
  const key = typeof privateKey === 'string' ? createPrivateKey(privateKey) : privateKey
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return { privateKey: key, publicKey: der.toString('base64'), fingerprint: fingerprintOf(der) }
}

export const fingerprintOf = (spkiDer: Uint8Array): string =>
  createHash('sha256').update(spkiDer).digest('hex')

const signature = (signer: Signer, value: unknown): string =>
  sign('sha256', Buffer.from(canonical(value)), {
    key: signer.privateKey,
    dsaEncoding: 'ieee-p1363',
  }).toString('base64')

export function certify<B extends CertificateBody>(signer: Signer, body: B): Certificate<B> {
  return { body, key: signer.publicKey, signature: signature(signer, body) }
}

/** Signs any value that is not a certificate of a move (a command). */
export function signValue(signer: Signer, value: unknown): string {
  return signature(signer, value)
}

/** Keys that were read, by fingerprint: to read one takes longer than to check a signature. */
const readKeys = new Map<string, KeyObject>()
/** More than the hosts of a fleet; above it all are forgotten. */
const READ_KEYS = 4096

function readKey(der: Buffer, fingerprint: string): KeyObject {
  const known = readKeys.get(fingerprint)
  if (known) return known
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  if (readKeys.size >= READ_KEYS) readKeys.clear()
  readKeys.set(fingerprint, key)
  return key
}

/** True if `signed` is a signature over `value` by the key whose fingerprint is given. Never throws. */
export function verifyValue(value: unknown, publicKey: string, signed: string, fingerprint: string): boolean {
  try {
    const der = Buffer.from(publicKey, 'base64')
    if (fingerprintOf(der) !== fingerprint) return false
    const key = readKey(der, fingerprint)
    const bytes = Buffer.from(canonical(value))
    return verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signed, 'base64'))
  } catch {
    return false
  }
}

/** Checks the Grant's signature against the coordinator keys this host trusts. @throws unauthorised */
export function checkGrant(grant: Grant, trusted: readonly string[]): GrantBody {
  for (const fingerprint of trusted)
    if (verifyValue(grant.body, grant.key, grant.signature, fingerprint)) return grant.body
  throw new HeliotropeError(
    'unauthorised',
    `grant of move ${grant.body.move} is not signed by our coordinator`,
  )
}

const bySource: readonly HostCertificateKind[] = ['release', 'release2', 'ask', 'abort', 'reclaimed']

const epochOffset: Record<HostCertificateKind, readonly number[]> = {
  abort: [0],
  ask: [0],
  release: [1],
  reclaimed: [2],
  release2: [3],
  accept: [1, 3],
  refuse: [0],
  return: [0, 1, 3],
  lost: [0],
}

/**
 * Checks a host certificate against the Grant of its move: signer, role, VM, epoch.
 * @throws unauthorised
 */
export function checkHostCertificate(certificate: HostCertificate, grant: GrantBody): HostCertificateBody {
  const { body } = certificate
  const side = bySource.includes(body.kind) ? grant.from : grant.to
  const wrong = (why: string): never => {
    throw new HeliotropeError('unauthorised', `${body.kind} of move ${body.move}: ${why}`)
  }
  if (body.move !== grant.move || body.vm !== grant.vm) wrong(`the grant is for move ${grant.move}`)
  if (body.by !== side.host) wrong(`signed by ${body.by}, must be ${side.host}`)
  if (!epochOffset[body.kind].includes(body.epoch - grant.epoch))
    wrong(`epoch ${body.epoch} does not follow ${grant.epoch}`)
  if (!verifyValue(body, certificate.key, certificate.signature, side.key)) wrong('signature does not verify')
  return body
}
