/** A host's key and CSR, as an agent makes them. */
import type { webcrypto } from 'node:crypto'
import { createPrivateKey } from 'node:crypto'
import { signerOf } from '@heliotrope/shared'
import { EC, pkcs8Pem, subtle, x509 } from '../src/trust/x509.js'

export const START_WALL = Date.UTC(2026, 5, 21, 10)

export async function newHostKey(host: string): Promise<{ pem: string; csr: string; fingerprint: string }> {
  const keys = (await subtle.generateKey(EC, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [host] }],
    keys,
    signingAlgorithm: EC,
  })
  const pem = pkcs8Pem(await subtle.exportKey('pkcs8', keys.privateKey))
  return { pem, csr: request.toString('pem'), fingerprint: signerOf(createPrivateKey(pem)).fingerprint }
}
