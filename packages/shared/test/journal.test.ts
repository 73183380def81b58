import Database from 'better-sqlite3'
import fc from 'fast-check'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  chainHash,
  FIRST_PREVIOUS,
  openMemoryJournal,
  openSqliteJournal,
  verifyChain,
  VirtualClock,
} from '@heliotrope/shared'
import type { Journal } from '@heliotrope/shared'

const clock = new VirtualClock(1_000_000.4)
const failed = { code: 'journal-failed' }

/** What every journal promises, whatever stands behind it. */
function contract(name: string, open: () => Journal): void {
  void t.test(`${name}: append, read, scan, streams, seal, head`, async t => {
    const journal = open()
    t.same(journal.head(), { seq: 0, hash: FIRST_PREVIOUS })
    t.same(journal.read('source/a'), [])
    const first = journal.append('source/a', 'ORDERED', { deep: [1, { x: null }], left: undefined })
    t.match(first, { seq: 1, at: 1_000_000, stream: 'source/a', kind: 'ORDERED', previous: FIRST_PREVIOUS })
    t.equal(first.hash, chainHash(first))
    journal.append('target/b', 'ORDERED', 'text')
    const third = journal.append('source/a', 'PREPARED', {
      ä: '\u{1f33b}',
      big: Number.MAX_SAFE_INTEGER,
      f: 0.1,
    })
    t.same(journal.head(), { seq: 3, hash: third.hash })
    t.same(
      journal.read('source/a').map(record => record.kind),
      ['ORDERED', 'PREPARED'],
    )
    t.same(journal.read('source/a')[1], third)
    t.same(
      journal.scan(2, 10).map(record => record.seq),
      [2, 3],
    )
    t.same(
      journal.scan(0, 2).map(record => record.seq),
      [1, 2],
    )
    t.same(journal.scan(4, 10), [])
    t.same(journal.streams('source/', 'all'), ['source/a'])
    journal.append('source/0', 'ORDERED', null)
    t.same(journal.streams('source/', 'open'), ['source/a', 'source/0'], 'oldest first')
    t.same(journal.streams('', 'all'), ['source/a', 'target/b', 'source/0'])
    t.same(journal.streams('%', 'all'), [], 'no pattern, a prefix')
    journal.seal('source/a')
    journal.seal('source/a')
    t.same(journal.streams('source/', 'open'), ['source/0'])
    t.same(journal.streams('source/', 'all'), ['source/a', 'source/0'])
    t.throws(() => journal.append('source/a', 'LATE', {}), { ...failed, message: /sealed/ })
    t.equal(journal.head().seq, 4, 'nothing was written')
    for (const bad of [NaN, { at: new Date(0) }, [1n], { list: new Map() }])
      t.throws(() => journal.append('source/0', 'BAD', bad), { name: 'HeliotropeError' })
    t.equal(journal.head().seq, 4, 'nothing was written')
    t.equal(verifyChain(journal.scan(1, 100), journal.head()), undefined)
    journal.close()
  })

  void t.test(`${name}: whatever is appended is read again, and the chain holds`, async t => {
    const journal = open()
    const streams = fc.constantFrom('source/a', 'target/a', 'audit/1')
    const entries = fc.array(fc.tuple(streams, fc.constantFrom('A', 'B'), fc.jsonValue()), { maxLength: 8 })
    const expected: [string, string, string][] = []
    fc.assert(
      fc.property(entries, list => {
        for (const [stream, kind, body] of list) {
          journal.append(stream, kind, body)
          expected.push([stream, kind, JSON.stringify(body)])
        }
        const seen = journal
          .scan(1, 10_000)
          .map(({ stream, kind, body }) => [stream, kind, JSON.stringify(body)])
        const ofStream = journal.read('source/a').map(record => JSON.stringify(record.body))
        return (
          JSON.stringify(seen) === JSON.stringify(expected) &&
          JSON.stringify(ofStream) ===
            JSON.stringify(expected.filter(([stream]) => stream === 'source/a').map(([, , body]) => body)) &&
          verifyChain(journal.scan(1, 10_000), journal.head()) === undefined
        )
      }),
      { numRuns: 20 },
    )
    t.ok(expected.length > 10)
    journal.close()
  })
}

contract('memory', () => openMemoryJournal(clock))
contract('SQLite', () => openSqliteJournal({ file: ':memory:', clock }))
let files = 0
const folder = t.testdir()
contract('SQLite in a file', () => openSqliteJournal({ file: join(folder, `${files++}.db`), clock }))

void t.test('a file keeps its records, seals and chain', async t => {
  const file = join(t.testdir(), 'journal.db')
  const first = openSqliteJournal({ file, clock })
  first.append('source/a', 'ORDERED', { n: 1 })
  first.seal('source/a')
  const second = openSqliteJournal({ file, clock })
  t.throws(() => second.append('source/a', 'LATE', {}), failed, 'a seal counts for everybody')
  second.append('source/b', 'ORDERED', { n: 2 })
  first.append('source/c', 'ORDERED', { n: 3 })
  t.equal(second.head().seq, 3)
  first.close()
  second.close()
  const again = openSqliteJournal({ file, clock })
  t.same(again.streams('', 'open'), ['source/b', 'source/c'])
  t.equal(verifyChain(again.scan(1, 10), again.head()), undefined)
  again.close()
  t.throws(() => again.append('source/d', 'ORDERED', {}), failed, 'a closed journal')
})

void t.test('each commit is synced: WAL and synchronous FULL', async t => {
  const file = join(t.testdir(), 'journal.db')
  const pragmas: string[] = []
  const real = Database.prototype as { pragma: (source: string, options?: object) => unknown }
  const original = real.pragma
  t.teardown(() => (real.pragma = original))
  let synchronous: unknown
  real.pragma = function (this: Database.Database, source: string, options?: object): unknown {
    pragmas.push(source)
    const answer = original.call(this, source, options)
    // Asked on the journal's own connection: the setting belongs to a connection, not to the file.
    synchronous = original.call(this, 'synchronous', { simple: true })
    return answer
  }
  const journal = openSqliteJournal({ file, clock })
  t.ok(pragmas.some(source => source.startsWith('synchronous')))
  t.equal(synchronous, 2, 'FULL')
  const look = new Database(file, { readonly: true })
  t.equal(original.call(look, 'journal_mode', { simple: true }), 'wal')
  look.close()
  journal.close()
})

void t.test('readonly: reads, never writes, never makes', async t => {
  const folder = t.testdir()
  const file = join(folder, 'journal.db')
  t.throws(() => openSqliteJournal({ file, clock, readonly: true }), {
    ...failed,
    message: /journal\.db cannot be opened/,
  })
  t.notOk(existsSync(file))
  const writer = openSqliteJournal({ file, clock })
  writer.append('a', 'A', 1)
  const reader = openSqliteJournal({ file, clock, readonly: true })
  t.equal(reader.read('a').length, 1)
  t.throws(() => reader.append('a', 'B', 2), { ...failed, remedy: /check the disk/ })
  writer.append('a', 'C', 3)
  t.same(
    reader.read('a').map(record => record.kind),
    ['A', 'C'],
  )
  reader.close()
  writer.close()
})

void t.test('what is no journal is refused with its name', async t => {
  const folder = t.testdir({
    'text.db': 'this is no database, but it is long enough to look at. '.repeat(40),
  })
  for (const readonly of [false, true])
    t.throws(() => openSqliteJournal({ file: join(folder, 'text.db'), clock, readonly }), {
      ...failed,
      message: /text\.db cannot be opened/,
    })
  t.throws(() => openSqliteJournal({ file: join(folder, 'none/journal.db'), clock }), failed)

  writeFileSync(join(folder, 'empty.db'), '')
  t.throws(() => openSqliteJournal({ file: join(folder, 'empty.db'), clock, readonly: true }), failed)

  const newer = join(folder, 'newer.db')
  openSqliteJournal({ file: newer, clock }).close()
  const db = new Database(newer)
  db.pragma('user_version = 99')
  db.close()
  t.throws(() => openSqliteJournal({ file: newer, clock }), { ...failed, message: /newer\.db/ })
  const after = new Database(newer, { readonly: true })
  t.equal(after.pragma('user_version', { simple: true }), 99, 'left as it was')
  after.close()
})

void t.test(
  'open streams are followed from one look to the next, also what another process does to them',
  t => {
    const file = join(t.testdir(), 'shared.db')
    const [one, two] = [openSqliteJournal({ file, clock }), openSqliteJournal({ file, clock })]
    t.same(one.streams('source/', 'open'), [])
    two.append('source/a', 'ORDERED', {})
    one.append('target/x', 'ORDERED', {})
    t.same(one.streams('source/', 'open'), ['source/a'])
    one.append('source/b', 'ORDERED', {})
    two.append('source/a', 'CLOSED', {})
    two.seal('source/a')
    t.same(one.streams('source/', 'open'), ['source/b'], 'sealed elsewhere')
    t.same(two.streams('source/', 'open'), ['source/b'], 'a first look sees the same')
    two.append('source/c', 'ORDERED', {})
    one.append('source/b', 'PREPARED', {})
    t.same(one.streams('source/', 'open'), ['source/b', 'source/c'], 'oldest first')
    t.same(one.streams('', 'open'), ['target/x', 'source/b', 'source/c'], 'each prefix for itself')
    one.close()
    two.close()
    t.end()
  },
)
