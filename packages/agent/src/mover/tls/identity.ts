/** Who may speak on a connection between two movers: exactly the host that the Grant names. */
import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { fingerprintOf, HeliotropeError } from '@heliotrope/shared'
import type { GrantSide, Ms } from '@heliotrope/shared'

/** This host's own key and certificate, and the CA that all hosts share; PEM. */
export interface PeerIdentity {
  key: string
  certificate: string
  ca: string
}

/** The fastest under emulation comes first: XEN.md part 4. */
export const PEER_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256'

/**
 * TLS of both ends. Node's own verdict on the certificate is not asked (`rejectUnauthorized: false`), because it ends a
 * move whose certificate runs out on the way; `checkPeer` judges instead, and must be called before a byte is believed.
 */
export function tlsOptions(identity: PeerIdentity) {
  return {
    key: identity.key,
    cert: identity.certificate,
    ca: identity.ca,
    ciphers: PEER_CIPHERS,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: false,
  } as const
}

/** The certificates of a PEM file with one or several. */
function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  return blocks.map(block => new X509Certificate(block))
}

/**
 * The peer's certificate must be issued by our CA, to the host and the key that the Grant names, and must have been
 * valid when the Grant was given: one that runs out while the move lasts does not end it, and no clock of ours is asked
 * (I12). TLS has proven that the peer holds the key.
 * @throws unauthorised
 */
export function checkPeer(socket: TLSSocket, side: GrantSide, ca: string, grantedAt: Ms): void {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) throw new HeliotropeError('unauthorised', 'the peer showed no certificate')
  checkCertificate(certificate, side, ca, grantedAt)
}

/** As `checkPeer`, on the certificate itself. @throws unauthorised */
export function checkCertificate(
  certificate: X509Certificate,
  side: GrantSide,
  ca: string,
  grantedAt: Ms,
): void {
  const refuse = (why: string): never => {
    throw new HeliotropeError('unauthorised', `certificate of ${JSON.stringify(certificate.subject)}: ${why}`)
  }
  const issued = certificatesIn(ca).some(
    one => certificate.checkIssued(one) && certificate.verify(one.publicKey),
  )
  if (!issued) refuse('not issued by our CA')
  const name = /(?:^|\n)CN=([^\n]+)/.exec(certificate.subject)?.[1]
  if (name !== side.host) refuse(`the grant names host ${side.host}`)
  const key = fingerprintOf(certificate.publicKey.export({ type: 'spki', format: 'der' }))
  if (key !== side.key) refuse('the grant names another key')
  if (Date.parse(certificate.validTo) < grantedAt)
    refuse(`it ran out at ${certificate.validTo}, before the grant`)
}
