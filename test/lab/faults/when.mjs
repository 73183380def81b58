// In dom0: waits until this host's journal gets a record, then runs a command at once. A fault must strike between one
// record and the next: a round trip from outside takes longer than that, and under emulation so does the start of a
// shell. So the mover stands still (SIGSTOP) from the record until the command has run; not if it is to strike some time
// after the record. The last word on stdout is the record after which it did strike.
//
//   when.mjs ROLE KIND[+MS] ARMED COMMAND [hold]
//
// ROLE source|target; ARMED is made when it is ready to look; hold: the mover is left standing still, because its host is
// about to lose its power.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [role, point, armed, command, hold] = process.argv.slice(2)
const [kind, later = '0'] = point.split('+')
const Database = createRequire('/usr/lib/heliotrope/')('better-sqlite3')
const journal = new Database('/var/lib/heliotrope/journal.db', { readonly: true })
const { last } = journal.prepare('SELECT coalesce(max(seq), 0) AS last FROM record').get()
const all = `FROM record WHERE seq > ? AND stream LIKE '${role}/%'`
const look = journal.prepare(`SELECT seq ${all} AND kind = ? LIMIT 1`)
const newest = journal.prepare(`SELECT kind ${all} ORDER BY seq DESC LIMIT 1`)

/** @returns the process id of this side's mover, if it lives */
function findMover() {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      const ours =
        argv.some(arg => arg.includes('heliotrope-mover')) && argv[argv.indexOf('--role') + 1] === role
      if (ours) return Number(pid)
    } catch {
      // It ended while we looked.
    }
  }
}

/** To a process that may have ended. */
function signal(pid, name) {
  try {
    if (pid !== undefined) process.kill(pid, name)
  } catch {
    // It is gone: there is nothing to hold.
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4))
// Found beforehand: at the record there is no time for it.
let mover
writeFileSync(armed, '')
for (const until = Date.now() + 600_000; Date.now() < until; Atomics.wait(pause, 0, 0, 5)) {
  if (!look.get(last, kind)) {
    if (mover === undefined && newest.get(last)) mover = findMover()
    continue
  }
  if (Number(later) > 0) Atomics.wait(pause, 0, 0, Number(later))
  else signal(mover, 'SIGSTOP')
  const { kind: after } = newest.get(last)
  execFileSync('/bin/sh', ['-c', command], { stdio: 'inherit' })
  if (hold === undefined) signal(mover, 'SIGCONT')
  console.log(after)
  process.exit(0)
}
console.error(`no ${kind} of a ${role} within 10 minutes`)
process.exit(1)
