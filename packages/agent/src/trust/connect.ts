/** Opens the session with the coordinator: a WebSocket over mutual TLS. */
import type { TLSSocket } from 'node:tls'
import { HeliotropeError, MAX_FRAME_BYTES, wsSocket } from '@heliotrope/shared'
import type { Ms, Socket } from '@heliotrope/shared'
import { WebSocket } from 'ws'
import type { Identity } from './identity.js'

/** @param coordinator `wss://HOST:PORT`, as in the config; the path is always /agent */
export function connectCoordinator(
  coordinator: string,
  identity: Identity,
  timeoutMs: Ms = 20_000,
): Promise<Socket> {
  const url = new URL('/agent', coordinator)
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, {
      ca: identity.ca,
      cert: identity.certificate,
      key: identity.key,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      handshakeTimeout: timeoutMs,
      followRedirects: false,
    })
    const fail = (cause: Error): void => {
      // `ws` emits error once more when it is ended before it was open.
      ws.on('error', () => {})
      ws.terminate()
      reject(new HeliotropeError('unavailable', `no session with ${url.host}`, { cause }))
    }
    ws.once('error', fail)
    let tls: TLSSocket | undefined
    ws.once('upgrade', response => (tls = response.socket as TLSSocket))
    ws.once('open', () => {
      ws.off('error', fail)
      resolve(wsSocket(ws, tls))
    })
  })
}
