/**
 * The console on a unix socket: `POST /v1/CALL` with the arguments as JSON. Who may open the socket (mode 0600) may do
 * everything.
 */
import { chmodSync, mkdirSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import fastify from 'fastify'
import { errorChain, HeliotropeError } from '@heliotrope/shared'
import type { ErrorCode, Log } from '@heliotrope/shared'
import { callConsole } from '../console/console.js'
import type { Console } from '../console/console.js'

const MAX_BODY_BYTES = 64 * 1024

export interface ConsoleServer {
  /** @throws conflict if another coordinator serves this socket, unavailable */
  start(): Promise<void>
  stop(): Promise<void>
}

const statusOf: Partial<Record<ErrorCode, number>> = {
  'bad-input': 400,
  unauthorised: 403,
  unknown: 404,
  conflict: 409,
  refused: 409,
  unavailable: 503,
}

export function consoleServer(path: string, handlers: Console, log: Log): ConsoleServer {
  const server = fastify({ bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true })
  server.post<{ Params: { call: string } }>('/v1/:call', async (request, reply) => {
    const { call } = request.params
    try {
      return await reply.send((await callConsole(handlers, call, request.body)) ?? {})
    } catch (error) {
      const { code, message, remedy } = HeliotropeError.from(error)
      if (code === 'internal') log.error('console call failed', { call, error: errorChain(error) })
      return reply.code(statusOf[code] ?? 500).send({ error: { code, message, remedy } })
    }
  })
  return {
    async start() {
      await removeStale(path)
      try {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
        await server.listen({ path })
        chmodSync(path, 0o600)
      } catch (cause) {
        throw new HeliotropeError('unavailable', `cannot listen on ${path}`, {
          cause,
          remedy: 'see console_socket in the config: its directory must be writable',
        })
      }
    },
    stop: async () => {
      await server.close()
    },
  }
}

/** A socket file that nobody answers on was left by a crash. */
async function removeStale(path: string): Promise<void> {
  const answer = await new Promise<string | undefined>(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve('alive')
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
  if (answer === 'alive')
    throw new HeliotropeError('conflict', `another coordinator answers on ${path}`, {
      remedy: 'stop it first, or give this one another data_dir',
    })
  if (answer === 'ECONNREFUSED') unlinkSync(path)
}
