/** `RUN_DIR/agent.sock`: whoever may open it gets the agent's status as one JSON text. Read only. */
import { mkdirSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname } from 'node:path'
import { HeliotropeError } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { AgentStatus } from './agent.js'

export async function serveStatus(
  path: string,
  status: () => AgentStatus,
): Promise<{ stop(): Promise<void> }> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // Left by an agent that was killed; see mustBeAlone.
  rmSync(path, { force: true })
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.end(JSON.stringify(status()))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', cause =>
      reject(new HeliotropeError('unavailable', `${path} cannot be served`, { cause })),
    )
    server.listen(path, resolve)
  })
  return {
    stop: () => new Promise(resolve => server.close(() => resolve())),
  }
}

/** @throws unavailable if no agent runs */
export function askAgent(path: string, timeoutMs: Ms = 5_000): Promise<AgentStatus> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void =>
      reject(
        new HeliotropeError('unavailable', 'no agent runs here', {
          cause,
          remedy: 'systemctl start heliotrope-agent, or: heliotrope-agent run',
        }),
      )
    const socket = connect(path)
    const chunks: Buffer[] = []
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    socket.on('error', fail)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => {
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as AgentStatus)
      } catch (error) {
        fail(error as Error)
      }
    })
  })
}

/** Two agents on one host would report, and move, against each other. @throws conflict */
export async function mustBeAlone(path: string): Promise<void> {
  const other = await askAgent(path).catch(() => undefined)
  if (other)
    throw new HeliotropeError('conflict', `an agent of ${other.host} runs here already`, {
      remedy: 'systemctl status heliotrope-agent; stop it first',
    })
}
