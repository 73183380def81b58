/**
 * The HTTPS server for agents: POST /join (no client certificate), POST /renew and the WebSocket /agent (mutual TLS).
 * It knows bytes and TLS; who gets in is the gate's business, what is said the sessions'.
 */
import { createServer } from 'node:https'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import {
  errorChain,
  HeliotropeError,
  joinRequestSchema,
  MAX_FRAME_BYTES,
  renewRequestSchema,
  SECOND,
  wsSocket,
} from '@heliotrope/shared'
import type { ErrorCode, Log, Ms, Socket } from '@heliotrope/shared'
import { WebSocketServer } from 'ws'
import type { z } from 'zod'
import type { Refusals } from '../store/refusals.js'
import type { Gate } from '../trust/gate.js'

const MAX_BODY_BYTES = 16 * 1024
const REQUEST_MS: Ms = 20 * SECOND
const MAX_CONNECTIONS = 4096

export interface AgentServerOptions {
  listen: { host: string; port: number }
  tls: { key: string; certificate: string; ca: string }
  gate: Gate
  /** Takes over an agent's socket. */
  accept: (socket: Socket) => void
  /** Who was not let in, for the audit. */
  refused?: Refusals['note']
  log: Log
}

export interface AgentServer {
  /** @returns the port, also when 0 was asked for @throws unavailable */
  start(): Promise<number>
  /** A renewed certificate of our own; connections that are open go on. */
  setCertificate(tls: AgentServerOptions['tls']): void
  stop(): Promise<void>
}

const statusOf = (code: ErrorCode): number => {
  if (code === 'bad-input' || code === 'bad-frame') return 400
  if (code === 'unauthorised') return 403
  if (code === 'unknown') return 404
  return code === 'conflict' || code === 'refused' ? 409 : 500
}

export function agentServer(options: AgentServerOptions): AgentServer {
  const { gate, log, accept } = options
  // An expired certificate must reach /renew, and a newcomer has none: each path asks for what it needs.
  const secure = (tls: AgentServerOptions['tls']) => ({ key: tls.key, cert: tls.certificate, ca: tls.ca })
  const server: Server = createServer(
    { ...secure(options.tls), requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' },
    (request, response) => void serve(request, response),
  )
  server.maxConnections = MAX_CONNECTIONS
  server.requestTimeout = REQUEST_MS
  server.headersTimeout = REQUEST_MS
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
  })

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const tls = socket as TLSSocket
    socket.on('error', error => log.debug('agent socket', { error: error.message }))
    if (request.url !== '/agent') return refuseUpgrade(socket, 404, 'Not Found')
    if (!tls.authorized) {
      const reason = String(tls.authorizationError)
      log.info('session refused', { reason, from: tls.remoteAddress })
      options.refused?.('session', tls.remoteAddress ?? 'unknown', reason)
      return refuseUpgrade(socket, 401, 'Unauthorized')
    }
    sockets.handleUpgrade(request, socket, head, ws => accept(wsSocket(ws, tls)))
  })
  server.on('tlsClientError', error => log.debug('TLS handshake failed', { error: error.message }))

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url } = request
    const from = request.socket.remoteAddress
    try {
      if (method !== 'POST' || (url !== '/join' && url !== '/renew'))
        return answer(response, 404, { error: { code: 'unknown', message: `nothing at ${method} ${url}` } })
      const body = await readBody(request)
      if (url === '/join') return answer(response, 200, await gate.join(parse(joinRequestSchema, body)))
      const peer = (request.socket as TLSSocket).getPeerX509Certificate()
      return answer(response, 200, await gate.renew(peer, parse(renewRequestSchema, body).csr))
    } catch (error) {
      const { code, message, remedy } = HeliotropeError.from(error)
      log.info('request refused', { url, from, error: errorChain(error) })
      if (code === 'unauthorised')
        options.refused?.(url === '/renew' ? 'renew' : 'join', from ?? 'unknown', message)
      answer(response, statusOf(code), { error: { code, message, remedy } })
    }
  }

  return {
    start: () =>
      new Promise((resolve, reject) => {
        const { host, port } = options.listen
        server.once('error', cause =>
          reject(
            new HeliotropeError('unavailable', `cannot listen on ${host}:${port}`, {
              cause,
              remedy: 'is another coordinator running? see listen.host and listen.port in the config',
            }),
          ),
        )
        server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
      }),
    setCertificate: tls => {
      const { setSecureContext } = server as unknown as { setSecureContext?: (context: object) => void }
      setSecureContext?.call(server, secure(tls))
    },
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const ws of sockets.clients) ws.terminate()
        server.closeAllConnections()
      }),
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify(body))
}

function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** @throws bad-input; the connection stays usable for the answer */
function readBody(request: IncomingMessage): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      // The rest is read and dropped: ending the request here would end the answer, too.
      if (size <= MAX_BODY_BYTES) chunks.push(chunk)
    })
    request.on('error', cause =>
      reject(new HeliotropeError('cancelled', 'the request was cut off', { cause })),
    )
    request.on('end', () => {
      if (size > MAX_BODY_BYTES)
        return reject(new HeliotropeError('bad-input', `body larger than ${MAX_BODY_BYTES} bytes`))
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')))
      } catch (cause) {
        reject(new HeliotropeError('bad-input', 'the body is not JSON', { cause }))
      }
    })
  })
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new HeliotropeError('bad-input', `${issue?.path.join('.') || 'body'}: ${issue?.message}`)
}
