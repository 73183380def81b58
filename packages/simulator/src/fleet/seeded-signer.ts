/** A real P-256 key from a seeded source, so that the same seed names the same keys; for simulations only. */
import { createECDH, createPrivateKey } from 'node:crypto'
import { signerOf } from '@heliotrope/shared'
import type { Rng, Signer } from '@heliotrope/shared'

export function seededSigner(rng: Rng): Signer {
  const pair = createECDH('prime256v1')
  const secret = Buffer.from(rng.bytes(32))
  // The order of the curve begins with ffffffff00000000: a smaller first byte keeps the scalar in range.
  secret[0] = (secret[0] as number) & 0x7f
  secret[31] = (secret[31] as number) | 1
  pair.setPrivateKey(secret)
  const point = pair.getPublicKey()
  const part = (bytes: Buffer): string => bytes.toString('base64url')
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: part(secret),
    x: part(point.subarray(1, 33)),
    y: part(point.subarray(33)),
  }
  return signerOf(createPrivateKey({ key: jwk, format: 'jwk' }))
}
