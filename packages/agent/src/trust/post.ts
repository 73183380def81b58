/** One HTTPS request with a JSON answer to the coordinator. */
import { request } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { connect } from 'node:tls'
import type { X509Certificate } from 'node:crypto'
import { fingerprintOf, HeliotropeError } from '@heliotrope/shared'
import type { ErrorCode, Ms } from '@heliotrope/shared'

export interface TlsClient {
  /** PEM of the only CA that counts. */
  ca: string
  key?: string
  cert?: string
}

/** An answer is a few KiB. */
const MAX_ANSWER = 256 * 1024

/**
 * @param url `https://…` @param client the certificate is checked against `ca` and the host name in the url
 * @throws the coordinator's own error; unavailable if there is no answer
 */
export function post(url: URL, body: unknown, client: TlsClient, timeoutMs: Ms): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const unavailable = (cause: unknown): void =>
      reject(
        new HeliotropeError('unavailable', `${url.origin} gave no answer`, {
          cause,
          remedy: 'is the coordinator running (heliotrope serve), and is its address right?',
        }),
      )
    const text = JSON.stringify(body)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    const ask = request(
      url,
      { method: 'POST', headers, ...client, agent: false, timeout: timeoutMs },
      answer => {
        const chunks: Buffer[] = []
        let size = 0
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_ANSWER) ask.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        answer.on('error', unavailable)
        answer.on('end', () => {
          try {
            resolve(
              accepted(answer.statusCode ?? 0, JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown),
            )
          } catch (error) {
            if (error instanceof HeliotropeError) reject(error)
            else unavailable(error)
          }
        })
      },
    )
    ask.on('timeout', () => ask.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    ask.on('error', unavailable)
    ask.end(text)
  })
}

/** Errors of the coordinator come as `{error: {code, message, remedy}}`, or the same without the envelope. */
function accepted(status: number, answer: unknown): unknown {
  if (status >= 200 && status < 300) return answer
  const outer = answer as { error?: unknown; code?: unknown }
  const error = (typeof outer.error === 'object' ? outer.error : outer) as Record<string, unknown> | null
  const code = typeof error?.['code'] === 'string' ? (error['code'] as ErrorCode) : 'unavailable'
  const message =
    typeof error?.['message'] === 'string' ? error['message'] : `the coordinator answered ${status}`
  const remedy = error?.['remedy']
  throw new HeliotropeError(code, message, typeof remedy === 'string' ? { remedy } : {})
}

/**
 * The CA that the server shows, if it is the one with this fingerprint. Nothing is sent to the server.
 * @param fingerprint SHA-256 of the CA's public key (SPKI, DER), hex
 * @returns PEM @throws unauthorised for another CA, unavailable
 */
export function fetchAuthority(url: URL, fingerprint: string, timeoutMs: Ms): Promise<string> {
  return new Promise((resolve, reject) => {
    // Not verified by TLS here, because the CA is what is being asked for; it is checked below, by its key.
    const socket: TLSSocket = connect({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 443),
      rejectUnauthorized: false,
      timeout: timeoutMs,
    })
    const fail = (cause: unknown): void => {
      socket.destroy()
      if (cause instanceof HeliotropeError) return reject(cause)
      const remedy = 'is the coordinator running (heliotrope serve), and is its address right?'
      reject(new HeliotropeError('unavailable', `${url.host} cannot be reached`, { cause, remedy }))
    }
    socket.once('error', fail)
    socket.once('timeout', () => fail(new Error(`no answer within ${timeoutMs} ms`)))
    socket.once('secureConnect', () => {
      try {
        const leaf = socket.getPeerX509Certificate()
        const ca = chainOf(leaf).find(
          one => fingerprintOf(one.publicKey.export({ type: 'spki', format: 'der' })) === fingerprint,
        )
        if (!ca || !leaf || !leaf.verify(ca.publicKey))
          throw new HeliotropeError(
            'unauthorised',
            `${url.host} does not belong to the coordinator that made this token`,
            {
              remedy:
                'check the address in the config; make the token on the coordinator that this host shall join',
            },
          )
        socket.end()
        resolve(ca.toString())
      } catch (error) {
        fail(error)
      }
    })
  })
}

/** By X509Certificate only: `getPeerCertificate(true)` returns nothing after `getPeerX509Certificate()` on Node 20. */
function chainOf(leaf: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let next = leaf; next && chain.length < 8; next = next.issuerCertificate) {
    // A self-signed certificate is its own issuer.
    if (chain.some(one => one.raw.equals((next as X509Certificate).raw))) break
    chain.push(next)
  }
  return chain
}
