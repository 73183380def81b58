/**
 * The coordinator's own certificate authority, and its signing key for grants and commands. Both are made once and live
 * in the data directory. A host's certificate is for its own key (from a CSR) and names the host as CN.
 */
import { X509Certificate } from 'node:crypto'
import type { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { DAY, fingerprintOf, HeliotropeError, HOUR, newSigner } from '@heliotrope/shared'
import type { Clock, HostId, Ms, Signer } from '@heliotrope/shared'
import { MODE_PUBLIC, MODE_SECRET, readKeyFile, writeKeyFile } from './key-files.js'
import { openKeyRing, SIGNER_FILE } from './key-ring.js'
import type { KeyRing } from './key-ring.js'
import { EC, fromPem, pkcs8Pem, subtle, x509 } from './x509.js'

export const HOST_CERTIFICATE_MS: Ms = 30 * DAY
/** Set back, so that a host whose clock is behind can use its new certificate at once. */
export const BACKDATE_MS: Ms = 2 * HOUR
const AUTHORITY_MS: Ms = 20 * 365 * DAY
const SERVER_CERTIFICATE_MS: Ms = 30 * DAY

export interface IssuedCertificate {
  pem: string
  /** SHA-256 of the certified public key, hex. */
  key: string
  notAfter: Ms
}

export interface Authority {
  /** PEM of the CA certificate. */
  certificate: string
  /** SHA-256 of the CA's public key (SPKI, DER), hex: part of every join token. */
  fingerprint: string
  /** Signs grants and commands; pinned by every agent when it joins. */
  signer: Signer
  /** How that key is changed. */
  keys: KeyRing
  /** Checks the CSR's signature and key (EC P-256), and certifies that key for `host`. @throws bad-input */
  issueHost(csrPem: string, host: HostId): Promise<IssuedCertificate>
  /** A fresh key and certificate for the coordinator's own TLS server. `certificate` ends with the CA's. */
  issueServer(names: readonly string[]): Promise<{ key: string; certificate: string; notAfter: Ms }>
  /** True if this CA signed the certificate, in date or not. */
  signed(certificate: X509Certificate): boolean
}

const FILES = { caKey: 'ca.key.pem', ca: 'ca.crt.pem', signer: SIGNER_FILE }

/** True if the directory holds a CA already. */
export const hasAuthority = (dir: string): boolean => readKeyFile(dir, FILES.ca) !== undefined

/** Loads the authority from `dir`, or makes it there. @throws bad-config for a directory that holds only half of it */
export async function openAuthority(dir: string, clock: Clock): Promise<Authority> {
  const found = Object.values(FILES).filter(name => readKeyFile(dir, name) !== undefined)
  if (found.length > 0 && found.length < 3)
    throw new HeliotropeError(
      'bad-config',
      `${dir} holds only ${found.join(' and ')} of the authority's files`,
      {
        remedy:
          'restore the missing ones from a backup; if there is none, remove the rest and let all hosts join again',
      },
    )
  if (found.length === 0) await createAuthority(dir, clock)
  const keyPem = readKeyFile(dir, FILES.caKey) as string
  const pem = readKeyFile(dir, FILES.ca) as string
  const keys = openKeyRing(dir)
  const ca = new X509Certificate(pem)
  const issuer = new x509.X509Certificate(pem)
  const caKey = await subtle.importKey('pkcs8', fromPem(keyPem), EC, false, ['sign'])

  const issue = async (
    publicKey: x509.PublicKey | webcrypto.CryptoKey,
    name: string,
    names: readonly string[],
    lifeMs: Ms,
  ): Promise<IssuedCertificate> => {
    const now = clock.wall()
    // X.509 knows whole seconds only.
    const notAfter = Math.floor((now + lifeMs) / 1000) * 1000
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [{ CN: [name] }],
      issuer: issuer.subjectName,
      notBefore: new Date(now - BACKDATE_MS),
      notAfter: new Date(notAfter),
      publicKey,
      signingKey: caKey,
      signingAlgorithm: EC,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.clientAuth,
          x509.ExtendedKeyUsage.serverAuth,
        ]),
        new x509.SubjectAlternativeNameExtension(
          names.map(value => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
        ),
        await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ],
    })
    return {
      pem: certificate.toString('pem'),
      key: fingerprintOf(new Uint8Array(certificate.publicKey.rawData)),
      notAfter,
    }
  }

  return {
    certificate: pem,
    fingerprint: fingerprintOf(ca.publicKey.export({ type: 'spki', format: 'der' })),
    signer: keys.signer,
    keys,
    async issueHost(csrPem, host) {
      return issue(await checkCsr(csrPem), host, [host], HOST_CERTIFICATE_MS)
    },
    async issueServer(names) {
      const keys = await subtle.generateKey(EC, true, ['sign', 'verify'])
      const common = names[0] ?? 'heliotrope'
      const { pem: own, notAfter } = await issue(
        keys.publicKey,
        common,
        names.length > 0 ? names : ['localhost'],
        SERVER_CERTIFICATE_MS,
      )
      return {
        key: pkcs8Pem(await subtle.exportKey('pkcs8', keys.privateKey)),
        certificate: `${own}\n${pem}`,
        notAfter,
      }
    },
    signed: certificate => certificate.checkIssued(ca) && certificate.verify(ca.publicKey),
  }
}

async function createAuthority(dir: string, clock: Clock): Promise<void> {
  const keys = await subtle.generateKey(EC, true, ['sign', 'verify'])
  const now = clock.wall()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ['Heliotrope CA'] }],
    keys: keys,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + AUTHORITY_MS),
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const signer = newSigner().privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  writeKeyFile(dir, FILES.signer, signer, MODE_SECRET)
  writeKeyFile(dir, FILES.caKey, pkcs8Pem(await subtle.exportKey('pkcs8', keys.privateKey)), MODE_SECRET)
  // Last: its presence says that the authority is complete.
  writeKeyFile(dir, FILES.ca, certificate.toString('pem'), MODE_PUBLIC)
}

async function checkCsr(pem: string): Promise<x509.PublicKey> {
  let request: x509.Pkcs10CertificateRequest
  let good: boolean
  try {
    request = new x509.Pkcs10CertificateRequest(pem)
    good = await request.verify()
  } catch (cause) {
    throw new HeliotropeError('bad-input', 'the certificate request cannot be read', { cause })
  }
  if (!good) throw new HeliotropeError('bad-input', 'the certificate request is not signed by its own key')
  const { name, namedCurve } = request.publicKey.algorithm as { name?: string; namedCurve?: string }
  if (name !== 'ECDSA' || namedCurve !== 'P-256')
    throw new HeliotropeError(
      'bad-input',
      `the certificate request has a ${namedCurve ?? name} key; it must be EC P-256`,
    )
  return request.publicKey
}
