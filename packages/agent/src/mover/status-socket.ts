/**
 * A mover's sign of life: an abstract Unix socket named after host, role and move. Holding it makes the mover the only
 * one of its side; connecting to it yields its status. The kernel removes it with the process, whatever kills it.
 */
import { connect, createServer } from 'node:net'
import type { Server } from 'node:net'
import { HeliotropeError } from '@heliotrope/shared'
import type { HostId, MoveId, MoveRole } from '@heliotrope/shared'
import type { SideStatus } from './side-context.js'

const STATUS_LIMIT = 16 * 1024

export const statusAddress = (host: HostId, role: MoveRole, move: MoveId): string =>
  `\0heliotrope/${host}/${role}/${move}`

/** @throws conflict if another mover of this side lives */
export function serveStatus(address: string, status: () => SideStatus | undefined): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.end(JSON.stringify(status() ?? null))
  })
  return new Promise((resolve, reject) => {
    server.once('error', cause => {
      reject(new HeliotropeError('conflict', 'another mover of this side lives', { cause }))
    })
    server.listen(address, () => resolve(server))
  })
}

/**
 * @returns the status; `'starting'` from a mover that has none yet; undefined if no mover lives
 */
export function askStatus(address: string, timeoutMs = 2_000): Promise<SideStatus | 'starting' | undefined> {
  return new Promise(resolve => {
    const socket = connect(address)
    let text = ''
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('silent')))
    socket.setEncoding('utf8')
    socket.on('data', chunk => {
      text = (text + String(chunk)).slice(0, STATUS_LIMIT)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Refused or absent: nobody holds the name. Anything else (a hung mover) is life.
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? undefined : 'starting')
    })
    socket.on('end', () => {
      socket.destroy()
      try {
        resolve((JSON.parse(text) as SideStatus | null) ?? 'starting')
      } catch {
        resolve('starting')
      }
    })
  })
}
