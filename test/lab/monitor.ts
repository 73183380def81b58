import { createConnection } from 'node:net'
import { LabError } from './errors.js'

interface Answer {
  return?: unknown
  error?: { desc: string }
}

/**
 * Runs one command of QEMU's machine protocol (QMP). One connection a command: QEMU serves one client at a
 * time, and several processes of the lab may want to ask.
 *
 * @param socketPath the monitor's unix socket
 * @throws LabError if QEMU does not answer within `timeoutMs`, or refuses
 */
export function monitor(
  socketPath: string,
  command: string,
  parameters: Record<string, unknown> = {},
  timeoutMs = 60_000,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath)
    const fail = (why: string): void => {
      socket.destroy()
      reject(new LabError(`QEMU monitor, ${command}: ${why}`))
    }
    const timer = setTimeout(() => fail(`no answer after ${timeoutMs / 1000} s`), timeoutMs)
    let text = ''
    let answers = 0
    socket.on('data', chunk => {
      text += chunk.toString()
      const lines = text.split('\n')
      text = lines.pop()!
      for (const line of lines) {
        if (!line.trim()) continue
        const answer = JSON.parse(line) as Answer & { QMP?: unknown }
        if (answer.QMP) socket.write(`${JSON.stringify({ execute: 'qmp_capabilities' })}\n`)
        else if (answer.error) return fail(answer.error.desc)
        else if ('return' in answer) {
          answers += 1
          if (answers === 1) socket.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`)
          else {
            socket.end()
            resolve(answer.return)
          }
        }
      }
    })
    socket.on('error', error => fail(error.message))
    socket.on('close', () => {
      clearTimeout(timer)
      reject(new LabError(`QEMU monitor, ${command}: the connection was closed`))
    })
  })
}

/**
 * Runs one command of the human monitor, which alone has savevm and loadvm in every version of QEMU.
 *
 * @throws LabError if it prints anything: that is how these commands say that they failed
 */
export async function humanMonitor(socketPath: string, line: string): Promise<void> {
  const said = await monitor(socketPath, 'human-monitor-command', { 'command-line': line })
  if (String(said).trim()) throw new LabError(`QEMU monitor, ${line}: ${String(said).trim()}`)
}
