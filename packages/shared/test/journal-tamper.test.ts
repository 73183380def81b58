import Database from 'better-sqlite3'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import {
  chainHash,
  FIRST_PREVIOUS,
  openMemoryJournal,
  openSqliteJournal,
  verifyChain,
  VirtualClock,
} from '@heliotrope/shared'
import type { ChainFault, JournalRecord } from '@heliotrope/shared'

const clock = new VirtualClock(5_000)
const COUNT = 6

/** Makes a journal of six records, lets `tamper` edit the file behind its back, and verifies what is then read. */
function verdict(t: Test, tamper: (db: Database.Database) => void, noted = true): ChainFault | undefined {
  const file = join(t.testdir(), 'journal.db')
  const journal = openSqliteJournal({ file, clock })
  for (let n = 1; n <= COUNT; n++) journal.append('audit/1', 'BEGIN', { n, text: `record ${n}` })
  const head = journal.head()
  journal.close()
  const db = new Database(file)
  tamper(db)
  db.close()
  const reader = openSqliteJournal({ file, clock, readonly: true })
  try {
    return verifyChain(reader.scan(1, 1000), noted ? head : undefined)
  } finally {
    reader.close()
  }
}

void t.test('an untouched file verifies', async t => {
  t.equal(
    verdict(t, () => {}),
    undefined,
  )
  t.equal(
    verdict(t, db => db.exec('VACUUM'), false),
    undefined,
  )
})

void t.test('a change of any column shows at its record', async t => {
  const changes: [string, string][] = [
    ['a byte of the body', `UPDATE record SET body = replace(body, 'record 3', 'record 8') WHERE seq = 3`],
    ['the kind', `UPDATE record SET kind = 'FINISH' WHERE seq = 3`],
    ['the stream', `UPDATE record SET stream = 'audit/2' WHERE seq = 3`],
    ['the time', `UPDATE record SET at = at + 1 WHERE seq = 3`],
  ]
  for (const [name, sql] of changes)
    t.match(
      verdict(t, db => db.exec(sql)),
      { seq: 3, what: /record 3 was changed/ },
      name,
    )
  const zeros = '0'.repeat(64)
  t.match(
    verdict(t, db => db.exec(`UPDATE record SET hash = '${zeros}' WHERE seq = 3`)),
    { seq: 3, what: /was changed/ },
  )
  t.match(
    verdict(t, db => db.exec(`UPDATE record SET previous = '${zeros}' WHERE seq = 3`)),
    {
      seq: 3,
      what: /record 3 does not follow record 2/,
    },
  )
})

void t.test('a record changed together with its own hash breaks the next', async t => {
  const forge = (db: Database.Database): void => {
    const row = db.prepare('SELECT * FROM record WHERE seq = 3').get() as JournalRecord & { body: string }
    const record = { ...row, body: { n: 3, text: 'forged' } }
    db.prepare('UPDATE record SET body = ?, hash = ? WHERE seq = 3').run(
      JSON.stringify(record.body),
      chainHash(record),
    )
  }
  t.match(verdict(t, forge, false), { seq: 4, what: /record 4 does not follow record 3/ })
})

void t.test('a missing row, first, middle or last', async t => {
  t.match(
    verdict(t, db => db.exec('DELETE FROM record WHERE seq = 1')),
    { seq: 1, what: /record 1 is missing/ },
  )
  t.match(
    verdict(t, db => db.exec('DELETE FROM record WHERE seq = 4')),
    {
      seq: 4,
      what: /record 4 is missing, 5 stands in its place/,
    },
  )
  const cut = (db: Database.Database): unknown => db.exec('DELETE FROM record WHERE seq >= 5')
  t.equal(verdict(t, cut, false), undefined, 'a cut tail cannot show from the file alone')
  t.match(verdict(t, cut), { seq: 5, what: /the tail is cut: 6 records were noted elsewhere/ })
  t.match(
    verdict(t, db => db.exec('DELETE FROM record')),
    { seq: 1, what: /the tail is cut/ },
  )
  const closeUp = (db: Database.Database): unknown =>
    db.exec(
      'DELETE FROM record WHERE seq = 4; UPDATE record SET seq = 4 WHERE seq = 5; UPDATE record SET seq = 5 WHERE seq = 6',
    )
  t.match(verdict(t, closeUp), { seq: 4, what: /does not follow/ }, 'a hole that was closed up')
})

void t.test('reordered rows', async t => {
  const swap = (db: Database.Database): unknown =>
    db.exec(`UPDATE record SET seq = 100 WHERE seq = 2; UPDATE record SET seq = 2 WHERE seq = 3;
             UPDATE record SET seq = 3 WHERE seq = 100`)
  t.match(verdict(t, swap), { seq: 2, what: /does not follow/ })
})

void t.test('a chain rewritten from a record on shows against the noted head', async t => {
  const rewrite = (db: Database.Database): void => {
    const rows = db.prepare('SELECT * FROM record ORDER BY seq').all() as (JournalRecord & { body: string })[]
    let previous = FIRST_PREVIOUS
    for (const row of rows) {
      const body: unknown = row.seq === 3 ? { n: 3, text: 'rewritten' } : JSON.parse(row.body)
      const hash = chainHash({ ...row, body, previous })
      db.prepare('UPDATE record SET body = ?, previous = ?, hash = ? WHERE seq = ?').run(
        JSON.stringify(body),
        previous,
        hash,
        row.seq,
      )
      previous = hash
    }
  }
  t.equal(verdict(t, rewrite, false), undefined, 'the file alone is consistent')
  t.match(verdict(t, rewrite), { seq: 6, what: /record 6 is not the one noted elsewhere/ })
})

void t.test('a body that is no JSON any more is named', async t => {
  t.throws(() => verdict(t, db => db.exec(`UPDATE record SET body = substr(body, 2) WHERE seq = 3`)), {
    code: 'journal-failed',
    message: /record 3/,
  })
})

void t.test('a head noted earlier fits as long as the chain goes on from it', async t => {
  const journal = openMemoryJournal(clock)
  t.equal(verifyChain([], { seq: 0, hash: FIRST_PREVIOUS }), undefined, 'nothing was noted of nothing')
  const heads = Array.from({ length: 5 }, (_, n) => {
    journal.append('a', 'A', n)
    return journal.head()
  })
  for (const head of heads) t.equal(verifyChain(journal.scan(1, 10), head), undefined)
})

void t.test('any single change of any record is found', async t => {
  const journal = openMemoryJournal(clock)
  for (let n = 0; n < 8; n++) journal.append(`s/${n % 2}`, 'K', { n })
  const records = journal.scan(1, 100)
  const change = fc.constantFrom<(record: JournalRecord) => JournalRecord>(
    record => ({ ...record, at: record.at + 1 }),
    record => ({ ...record, stream: `${record.stream}x` }),
    record => ({ ...record, kind: 'L' }),
    record => ({ ...record, body: { n: -1 } }),
    record => ({ ...record, seq: record.seq + 1 }),
    record => ({ ...record, hash: record.hash.replace(/.$/, last => (last === '0' ? '1' : '0')) }),
    record => ({ ...record, previous: record.previous.replace(/^./, first => (first === '0' ? '1' : '0')) }),
  )
  fc.assert(
    fc.property(fc.nat(7), change, (at, edit) => {
      const edited = records.map((record, index) => (index === at ? edit(record) : record))
      return verifyChain(edited, journal.head())?.seq === at + 1
    }),
  )
  t.equal(verifyChain(records), undefined)
})
