/**
 * A certificate request (PKCS#10, RFC 2986) for an EC P-256 key. Forty lines of DER instead of a library, because it is
 * needed again at each renewal, inside a process that must stay small.
 */
import { createPublicKey, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** DER: tag, length, content. */
function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  if (content.length < 128) return Buffer.concat([Buffer.from([tag, content.length]), content])
  const length = Buffer.from(content.length.toString(16).padStart(content.length > 255 ? 4 : 2, '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content])
}

const SEQUENCE = 0x30
const SET = 0x31
const COMMON_NAME = Buffer.from('0603550403', 'hex') // OID 2.5.4.3
const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex') // OID 1.2.840.10045.4.3.2

/** @returns PEM */
export function certificateRequest(privateKey: KeyObject, commonName: string): string {
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(0x0c, Buffer.from(commonName, 'utf8')))))
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const version = der(0x02, Buffer.from([0]))
  const attributes = der(0xa0)
  const info = der(SEQUENCE, version, name, publicKey, attributes)
  const signature = der(0x03, Buffer.from([0]), sign('sha256', info, privateKey))
  const request = der(SEQUENCE, info, der(SEQUENCE, ECDSA_WITH_SHA256), signature)
  const lines = request.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`
}
