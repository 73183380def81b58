/** Debian's mosquitto on a free port of 127.0.0.1. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, listening } from './free-port.js'

const program = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find(path => existsSync(path))

/** Why it cannot be run here; undefined if it can. */
export const mosquittoMissing = program ? undefined : 'mosquitto is not installed: apt-get install mosquitto'

export async function startMosquitto(): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'mosquitto-'))
  writeFileSync(join(dir, 'conf'), `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`)
  const child = spawn(program as string, ['-c', join(dir, 'conf')], { stdio: 'ignore' })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  await listening(port)
  return {
    port,
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
