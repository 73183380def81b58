/** One HTTPS request to a management controller, with name and password, bounded in time and size. */
import type { RequestOptions, request } from 'node:https'
import { checkServerIdentity } from 'node:tls'
import type { PeerCertificate } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import { HeliotropeError } from '@heliotrope/shared'
import type { Bytes, Clock, Ms } from '@heliotrope/shared'
import type { RedfishRequest } from './requests.js'

export interface RedfishOptions {
  /** `https://HOST[:PORT]` */
  url: string
  username: string
  /** Read at each request, so that it may be changed without a restart. */
  password: () => Promise<string>
  /** PEM; undefined: what the system trusts. */
  ca?: (() => Promise<string>) | undefined
  timeoutMs: Ms
}

export type Ask = (what: RedfishRequest) => Promise<unknown>

const MAX_ANSWER: Bytes = 1024 * 1024

/** @returns asks one thing; the answer's JSON, undefined if it has none. @throws unavailable | unauthorised | refused */
export function redfishClient(
  ports: { request: typeof request; clock: Clock },
  options: RedfishOptions,
): Ask {
  const { url, username, timeoutMs } = options
  return async what => {
    const ca = await options.ca?.()
    const authorization = `Basic ${Buffer.from(`${username}:${(await options.password()).trim()}`).toString('base64')}`
    const body = what.body === undefined ? undefined : JSON.stringify(what.body)
    const settings: RequestOptions = {
      method: what.method,
      agent: false,
      headers: {
        accept: 'application/json',
        'odata-version': '4.0',
        authorization,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
      ...(ca === undefined ? {} : { ca, checkServerIdentity: (host, peer) => identity(host, peer, ca) }),
    }
    return new Promise((resolve, reject) => {
      const at = `${what.method} ${url}${what.path}`
      const failed = (cause: unknown): void =>
        reject(
          new HeliotropeError('unavailable', `${at} gave no answer`, {
            cause,
            remedy: 'is the management controller reachable? With its own certificate it needs `ca_file`',
          }),
        )
      const ask = ports.request(new URL(what.path, url), settings, answer => {
        const chunks: Buffer[] = []
        let size = 0
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_ANSWER) ask.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        answer.on('error', failed)
        answer.on('end', () => {
          try {
            resolve(accepted(answer.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'), at))
          } catch (error) {
            reject(HeliotropeError.from(error))
          }
        })
      })
      const cancel = ports.clock.after(timeoutMs, () =>
        ask.destroy(new Error(`no answer within ${timeoutMs} ms`)),
      )
      ask.on('close', cancel)
      ask.on('error', failed)
      ask.end(body)
    })
  }
}

/** Controllers come with a certificate of their own for some other name: the very one in `ca_file` is right anyway. */
function identity(host: string, peer: PeerCertificate, ca: string): Error | undefined {
  const own = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
  const same = (ca.match(own) ?? []).some(pem => new X509Certificate(pem).raw.equals(peer.raw))
  return same ? undefined : checkServerIdentity(host, peer)
}

function accepted(status: number, text: string, at: string): unknown {
  if (status === 401 || status === 403)
    throw new HeliotropeError('unauthorised', `${at} answered ${status}`, {
      remedy: 'are username and password file right, and may this user switch power?',
    })
  if (status < 200 || status > 299)
    throw new HeliotropeError('refused', `${at} answered ${status}: ${text.slice(0, 200)}`)
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new HeliotropeError('bad-input', `${at} answered something else than JSON`, { cause })
  }
}
