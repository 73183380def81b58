/** The one door to @peculiar/x509, which needs a reflection polyfill and a crypto provider before its first use. */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(webcrypto)

export { x509 }
export const subtle = webcrypto.subtle
export const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export const pkcs8Pem = (der: ArrayBuffer): string => {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`
}

export const fromPem = (pem: string): Uint8Array =>
  Buffer.from(pem.replace(/-----[A-Z ]+-----/g, '').replace(/\s+/g, ''), 'base64')
