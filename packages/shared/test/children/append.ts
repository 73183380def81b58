/**
 * A second process on one journal: `append FILE NAME COUNT` appends COUNT records to the stream NAME, or `append FILE
 * NAME full` appends until the journal refuses; says on stdout how many it wrote and with what it ended.
 */
import { openSqliteJournal, systemClock } from '@heliotrope/shared'
import { HeliotropeError } from '@heliotrope/shared'

// A write beyond the size limit that the parent set then fails with EFBIG instead of ending the process.
process.on('SIGXFSZ', () => {})

const [file = '', name = '', amount = ''] = process.argv.slice(2)
const journal = openSqliteJournal({ file, clock: systemClock(), busyMs: 60_000 })
const limit = amount === 'full' ? 10_000 : Number(amount)
let written = 0
let ended = 'done'
try {
  for (; written < limit; written++) journal.append(name, 'STEP', { written, padding: 'x'.repeat(500) })
} catch (error) {
  ended = error instanceof HeliotropeError ? error.code : String(error)
}
process.stdout.write(JSON.stringify({ written, ended }))
// No close: what is on the disk must stand by itself, as after a kill.
process.kill(process.pid, 'SIGKILL')
