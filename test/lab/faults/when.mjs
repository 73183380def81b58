// In dom0: waits until this host's journal gets a record, then runs a command at once. A fault must strike between one
// record and the next, and a round trip from outside takes longer than that.
//
//   when.mjs ROLE KIND[+MS] ARMED COMMAND      ROLE source|target; ARMED is made when it is ready to look
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [role, point, armed, command] = process.argv.slice(2)
const [kind, later = '0'] = point.split('+')
const Database = createRequire('/usr/lib/heliotrope/')('better-sqlite3')
const journal = new Database('/var/lib/heliotrope/journal.db', { readonly: true })
const { last } = journal.prepare('SELECT coalesce(max(seq), 0) AS last FROM record').get()
const look = journal.prepare(
  `SELECT seq FROM record WHERE seq > ? AND stream LIKE '${role}/%' AND kind = ? LIMIT 1`,
)
const pause = new Int32Array(new SharedArrayBuffer(4))
writeFileSync(armed, '')
for (const until = Date.now() + 600_000; Date.now() < until; Atomics.wait(pause, 0, 0, 10)) {
  if (!look.get(last, kind)) continue
  if (Number(later) > 0) Atomics.wait(pause, 0, 0, Number(later))
  execFileSync('/bin/sh', ['-c', command], { stdio: 'inherit' })
  process.exit(0)
}
console.error(`no ${kind} of a ${role} within 10 minutes`)
process.exit(1)
