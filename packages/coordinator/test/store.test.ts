import t from 'tap'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import {
  DAY,
  HOUR,
  MINUTE,
  openMemoryJournal,
  openSqliteJournal,
  seededRng,
  silentLog,
  VirtualClock,
} from '@heliotrope/shared'
import type { HostId, Report, SiteId } from '@heliotrope/shared'
import { openAudit } from '../src/store/audit.js'
import { openDatabase } from '../src/store/database.js'
import { openFleetMemory } from '../src/store/memory-of-fleet.js'
import { MIGRATIONS } from '../src/store/migrations.js'
import { openTelemetry } from '../src/store/telemetry.js'
import { verifyJournalFile } from '../src/store/verify.js'
import { START_WALL } from './samples.js'

t.test('audit verify: flipped byte, cut tail, swapped and missing records', async t => {
  const dir = t.testdir()
  const clock = new VirtualClock(START_WALL)
  const file = join(dir, 'journal.db')
  const journal = openSqliteJournal({ file, clock })
  const audit = openAudit(journal, seededRng(1), silentLog)
  for (let i = 0; i < 5; i++) {
    const id = audit.begin({ what: 'test', subject: `s${i}`, reason: [{ by: 't', why: 'w', at: 1 }] })
    audit.finish(id, 'done')
  }
  const head = journal.head()
  journal.close()
  t.match(verifyJournalFile(file, clock), { records: 10, fault: undefined, against: 'nothing' })
  t.equal(verifyJournalFile(file, clock, head).fault, undefined)

  const tampered = (name: string, ...sql: string[]): string => {
    const copy = join(dir, `${name}.db`)
    copyFileSync(file, copy)
    const db = new Database(copy)
    for (const one of sql) db.exec(one)
    db.close()
    return copy
  }
  const flipped = tampered('flipped', `UPDATE record SET body = replace(body, 's2', 's3') WHERE seq = 5`)
  t.match(verifyJournalFile(flipped, clock).fault, { seq: 5 })
  const swapped = tampered(
    'swapped',
    'UPDATE record SET seq = 100 WHERE seq = 3',
    'UPDATE record SET seq = 3 WHERE seq = 4',
    'UPDATE record SET seq = 4 WHERE seq = 100',
  )
  t.match(verifyJournalFile(swapped, clock).fault, { seq: 3 })
  t.match(verifyJournalFile(tampered('hole', 'DELETE FROM record WHERE seq = 4'), clock).fault, { seq: 4 })
  const cut = tampered('cut', 'DELETE FROM record WHERE seq > 8')
  t.equal(verifyJournalFile(cut, clock).fault, undefined, 'a cut tail shows only against a noted head')
  t.match(verifyJournalFile(cut, clock, head).fault, { what: /cut/ })

  const store = openDatabase(join(dir, 'heliotrope.db'))
  openFleetMemory(store).noteHead('coordinator', head, 1)
  store.close()
  t.match(verifyJournalFile(cut, clock), { against: 'head noted in the store', fault: { what: /cut/ } })
  t.throws(() => verifyJournalFile(join(dir, 'none.db'), clock), { code: 'unknown' })
  t.throws(() => verifyJournalFile(join(dir, 'heliotrope.db'), clock), { code: 'tampered' })
})

t.test('audit: two phases, orphans swept', async t => {
  const journal = openMemoryJournal(new VirtualClock(START_WALL))
  const audit = openAudit(journal, seededRng(1), silentLog)
  const act = { what: 'test', subject: 's', reason: [] }
  await t.rejects(
    audit.record(act, () => {
      throw new Error('no')
    }),
  )
  const [kept, orphan] = [audit.begin(act), audit.begin(act)]
  t.equal(audit.sweep(new Set([kept])), 1)
  t.equal(audit.sweep(new Set([kept])), 0)
  t.match(audit.entries(10), [
    { id: orphan, outcome: 'unknown' },
    { id: kept, outcome: undefined },
    { outcome: 'failed', text: 'no' },
  ])
  audit.finish(kept, 'done')
  audit.finish(kept, 'failed')
  t.match(audit.entries(2)[1], { outcome: 'done' }, 'the first outcome stands')
  journal.fault = () => 'ENOSPC'
  let acted = false
  await t.rejects(
    audit.record(act, () => void (acted = true)),
    { code: 'journal-failed' },
  )
  t.notOk(acted, 'no act without its record')
})

t.test('samples are thinned by age, and means survive a second run', async t => {
  const db = openDatabase(':memory:')
  const telemetry = openTelemetry(db)
  const site = 'a' as SiteId
  const now = START_WALL
  const report = (
    seq: number,
    at: number,
    valueW: number,
    quality: 'measured' | 'stale' = 'measured',
  ): Report => ({
    host: 'x' as HostId,
    site,
    bootId: 'b',
    seq,
    at,
    full: false,
    samples: [{ meter: 'pv', role: 'green-power', valueW, at, quality }],
    cpuS: {},
    moves: [],
    alarms: [],
  })
  const old = now - 3 * DAY
  telemetry.store(
    [
      report(1, old, 100),
      report(2, old + 1000, 200),
      report(3, old + 2000, 9000, 'stale'),
      report(4, now - HOUR, 50),
    ],
    now,
  )
  for (let i = 0; i < 2; i++) {
    telemetry.thin(now + i)
    t.match(telemetry.means(site, 'green-power', 5 * MINUTE, 0, now), [
      { meanW: 150, count: 2 },
      { meanW: 50 },
    ])
    t.match(telemetry.means(site, 'green-power', HOUR, 0, now), [{ meanW: 150 }, { meanW: 50 }])
    t.match(telemetry.samples(site, 'green-power', 0, now), [{ valueW: 50 }])
  }
  telemetry.thin(now + 100 * DAY)
  t.strictSame(telemetry.means(site, 'green-power', 5 * MINUTE, 0, now), [])
  t.equal(telemetry.means(site, 'green-power', HOUR, 0, now).length, 2)
})

t.test('the store: synced, migrated, and not opened by an older program', async t => {
  const file = join(t.testdir(), 's.db')
  const db = openDatabase(file)
  t.equal(db.pragma('synchronous', { simple: true }), 2)
  t.equal(db.pragma('user_version', { simple: true }), MIGRATIONS.length)
  db.pragma(`user_version = ${MIGRATIONS.length + 1}`)
  db.close()
  t.throws(() => openDatabase(file), { code: 'conflict' })
  t.throws(() => openDatabase('/nonexistent/dir/x.db'), { code: 'unavailable' })
})
