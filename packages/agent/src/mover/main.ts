/**
 * The mover: one process for one side of one move.
 *
 *     heliotrope-mover --settings FILE --role source|target --move ID [--recover]
 *
 * Started by the agent, and by nobody else; lives until its side of the move is closed. Exit 0 then, 1 on an error, 3 if
 * another mover of this side lives.
 */
import { parseArgs } from 'node:util'
import {
  errorChain,
  HeliotropeError,
  moveId,
  openSqliteJournal,
  systemClock,
  systemRng,
} from '@heliotrope/shared'
import { daemonLog } from '../log.js'
import { runMover } from './compose-mover.js'
import { readSettings } from './settings.js'
import type { SideStatus } from './side-context.js'
import { serveStatus, statusAddress } from './status-socket.js'

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      settings: { type: 'string' },
      role: { type: 'string' },
      move: { type: 'string' },
      recover: { type: 'boolean', default: false },
    },
  })
  const { role } = values
  if (values.settings === undefined || (role !== 'source' && role !== 'target') || values.move === undefined)
    throw new HeliotropeError(
      'bad-input',
      'usage: --settings FILE --role source|target --move ID [--recover]',
    )
  const move = moveId(values.move)
  const settings = readSettings(values.settings)
  const log = daemonLog(settings.logLevel as 'info').with({ mover: role, move })
  let status: SideStatus | undefined
  const server = await serveStatus(statusAddress(settings.host, role, move), () => status).catch(
    (error: unknown) => {
      log.warn('not started', { error: errorChain(error) })
      return undefined
    },
  )
  if (!server) return 3
  const clock = systemClock()
  const journal = openSqliteJournal({ file: settings.journalFile, clock })
  const stopping = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => stopping.abort(new Error(signal)))
  // The agent's end of our output may be gone; the move goes on without a log.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const env = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin' }
  try {
    await runMover({
      settings,
      role,
      move,
      recover: values.recover,
      clock,
      rng: systemRng(),
      log,
      journal,
      env,
      signal: stopping.signal,
      status: now => (status = now),
    })
    return 0
  } finally {
    journal.close()
    server.close()
  }
}

main().then(
  code => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`heliotrope-mover: ${errorChain(error)}\n`)
    process.exit(1)
  },
)
