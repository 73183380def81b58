/**
 * Movers as processes, each in a systemd scope of its own, so that an agent that crashes, is killed or upgraded takes no
 * move with it. Without systemd (tests) a mover is a plain detached process.
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { HeliotropeError, newCommandId, sleep } from '@heliotrope/shared'
import type { Clock, HostId, Log, Ms, Rng } from '@heliotrope/shared'
import { askStatus, statusAddress } from '../mover/status-socket.js'
import type { Launcher } from './launcher.js'

export interface ProcessLauncherPorts {
  clock: Clock
  rng: Rng
  log: Log
  host: HostId
  spawn: (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess
  /** Node and the mover's script. */
  command: readonly [string, ...string[]]
  settingsFile: string
  /** Of the mover: PATH, and NODE_COMPILE_CACHE where a start should be quick. */
  env: Record<string, string>
  /** True where systemd runs (`/run/systemd/system` exists). */
  scopes: boolean
}

/** A mover under emulation needs some seconds to come up; one that has not by then is taken for dead. */
const START_MS: Ms = 120_000

export function processLauncher(ports: ProcessLauncherPorts): Launcher {
  const { clock, host, log, rng, scopes, spawn } = ports

  const status: Launcher['status'] = (role, move) => askStatus(statusAddress(host, role, move))

  return {
    status,
    async launch(role, move, recover) {
      const mover = [
        ...ports.command,
        '--settings',
        ports.settingsFile,
        '--role',
        role,
        '--move',
        move,
        ...(recover ? ['--recover'] : []),
      ]
      const unit = `heliotrope-mover-${role}-${move}-${newCommandId(rng).slice(0, 6)}`
      const argv = scopes
        ? ['systemd-run', '--scope', '--quiet', '--collect', `--unit=${unit}`, ...mover]
        : mover
      const child = spawn(argv[0]!, argv.slice(1), {
        detached: true,
        stdio: ['ignore', 'inherit', 'inherit'],
        env: ports.env,
      })
      let ended: string | undefined
      child.once('error', error => (ended = error.message))
      child.once('exit', (code, signal) => (ended = `exit ${code ?? signal}`))
      child.unref()
      log.info('mover started', { role, move, pid: child.pid, recover })
      const until = clock.mono() + START_MS
      while (ended === undefined && clock.mono() < until) {
        if (await status(role, move)) return
        await sleep(clock, 100)
      }
      // A mover that has already done its work and gone is no failure; the journal tells.
      if (ended === 'exit 0') return
      throw new HeliotropeError('exec-failed', `the mover did not start: ${ended ?? 'no sign of life'}`, {
        remedy: 'see the log of heliotrope-agent',
      })
    },
  }
}
