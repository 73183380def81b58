/**
 * A second process on one journal: `open-and-seal FILE NAME COUNT` begins COUNT streams NAME/0, NAME/1, ... and seals
 * every one but each fifth, some while the next is open; then it is killed, as a mover may be.
 */
import { openSqliteJournal, systemClock } from '@heliotrope/shared'

const [file = '', name = '', count = ''] = process.argv.slice(2)
const journal = openSqliteJournal({ file, clock: systemClock(), busyMs: 60_000 })
for (let i = 0; i < Number(count); i++) {
  journal.append(`${name}/${i}`, 'ORDERED', { i })
  const done = i - (i % 2)
  journal.append(`${name}/${done}`, 'STEP', {})
  if (i % 2 === 1)
    for (const ended of [done, i])
      if (ended % 5 !== 0) {
        journal.append(`${name}/${ended}`, 'CLOSED', {})
        journal.seal(`${name}/${ended}`)
      }
}
process.kill(process.pid, 'SIGKILL')
