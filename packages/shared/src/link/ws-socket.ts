/** The link's socket on a WebSocket of `ws`. Text messages are refused: the protocol is binary. */
import type { TLSSocket } from 'node:tls'
import type { WebSocket } from 'ws'
import { fingerprintOf } from '../certificates.js'
import { closeCodes } from '../protocol/version.js'
import type { Socket } from './socket.js'

export function wsSocket(ws: WebSocket, tls?: TLSSocket): Socket {
  let closing = false
  let closed = false
  const socket: Socket = {
    get queuedBytes() {
      return ws.bufferedAmount
    },
    peer: tls && peerOf(tls),
    onMessage: () => {},
    onClose: () => {},
    send: bytes => {
      if (ws.readyState === ws.OPEN) ws.send(bytes)
    },
    close(code, reason) {
      if (closing) return
      closing = true
      ws.close(code, fitting(reason))
      // A peer that never answers the close must not keep the descriptor.
      setTimeout(() => ws.terminate(), 2_000).unref()
    },
  }
  const gone = (code: number, reason: string): void => {
    if (closed) return
    closed = true
    socket.onClose(code, reason)
  }
  ws.on('message', (data, isBinary) => {
    // Until the close is answered the other side may go on sending; who has closed hears no more.
    if (closing) return
    if (!isBinary) return socket.close(closeCodes.badFrame, 'text frame')
    socket.onMessage(Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data as Buffer))
  })
  ws.on('close', (code, reason) => gone(code, reason.toString()))
  ws.on('error', error => {
    gone(1006, error.message)
    ws.terminate()
  })
  return socket
}

/** A close frame has room for 123 bytes of UTF-8, and `ws` throws at more. */
function fitting(reason: string): string {
  let text = reason.slice(0, 123)
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1)
  return text
}

/** Subject CN and key fingerprint of the peer's certificate, if TLS has verified one. */
export function peerOf(tls: TLSSocket): { name: string; key: string } | undefined {
  const certificate = tls.getPeerX509Certificate()
  if (!tls.authorized || certificate === undefined) return undefined
  const name = /(?:^|\n)CN=([^\n]+)/.exec(certificate.subject)?.[1] ?? ''
  return { name, key: fingerprintOf(certificate.publicKey.export({ type: 'spki', format: 'der' })) }
}
