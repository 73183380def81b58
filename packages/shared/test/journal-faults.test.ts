import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import {
  openMemoryJournal,
  openSqliteJournal,
  sleep,
  systemClock,
  verifyChain,
  VirtualClock,
} from '@heliotrope/shared'

const run = promisify(execFile)
const child = join(dirname(fileURLToPath(import.meta.url)), 'children/append.js')
const failed = { code: 'journal-failed' }

/** Runs children/append.ts in a process of its own, which kills itself at the end. */
async function appendElsewhere(file: string, name: string, amount: string, maxKiB?: number) {
  const command = [process.execPath, child, file, name, amount]
  // The shell's only part is to set the limit before node starts.
  const limited = maxKiB ? ['sh', '-c', `ulimit -f ${maxKiB * 2}; exec "$@"`, 'sh', ...command] : command
  const [program = '', ...args] = limited
  const env = { ...process.env, NODE_OPTIONS: '' }
  const output = await run(program, args, { env }).then(
    () => t.fail('the child did not kill itself'),
    (error: { signal: string; stdout: string; stderr: string }) => error,
  )
  if (typeof output === 'boolean') throw new Error('unreachable')
  if (output.signal !== 'SIGKILL') throw new Error(`child: ${output.stderr}`)
  return JSON.parse(output.stdout) as { written: number; ended: string }
}

void t.test('processes and handles that append at once make one chain', async t => {
  const file = join(t.testdir(), 'journal.db')
  const clock = systemClock()
  const here = openSqliteJournal({ file, clock, busyMs: 60_000 })
  const there = openSqliteJournal({ file, clock, busyMs: 60_000 })
  const children = Promise.all([appendElsewhere(file, 'p1', '60'), appendElsewhere(file, 'p2', '60')])
  // As fast as it can this process would starve the others: SQLite's lock is not fair.
  const own = 60
  for (let n = 0; n < own; n++) {
    here.append('h1', 'STEP', { n })
    there.append('h2', 'STEP', { n })
    await sleep(clock, 5)
  }
  t.same(await children, [
    { written: 60, ended: 'done' },
    { written: 60, ended: 'done' },
  ])
  t.equal(here.head().seq, 120 + 2 * own)
  t.equal(verifyChain(here.scan(1, 100_000), here.head()), undefined)
  for (const [stream, count] of [
    ['p1', 60],
    ['p2', 60],
    ['h1', own],
    ['h2', own],
  ] as const)
    t.equal(here.read(stream).length, count, stream)
  here.close()
  there.close()
})

void t.test('another process holds the lock too long: no record, a clear error', async t => {
  const file = join(t.testdir(), 'journal.db')
  const { default: Database } = await import('better-sqlite3')
  const journal = openSqliteJournal({ file, clock: systemClock(), busyMs: 20 })
  const hog = new Database(file)
  hog.exec('BEGIN IMMEDIATE')
  t.throws(() => journal.append('a', 'A', 1), { ...failed, cause: { code: 'SQLITE_BUSY' } })
  hog.exec('ROLLBACK')
  hog.close()
  t.equal(journal.append('a', 'A', 1).seq, 1)
  journal.close()
})

void t.test(
  'disk full: the append throws, nothing is half written, and it goes on when there is room',
  async t => {
    const file = join(t.testdir(), 'journal.db')
    const full = await appendElsewhere(file, 'a', 'full', 512)
    t.equal(full.ended, 'journal-failed')
    t.ok(full.written > 10, `${full.written} records fitted`)
    const journal = openSqliteJournal({ file, clock: systemClock() })
    t.equal(journal.head().seq, full.written)
    t.equal(verifyChain(journal.scan(1, 100_000), journal.head()), undefined)
    t.equal(journal.append('a', 'STEP', {}).seq, full.written + 1)
    journal.close()
  },
)

void t.test('a killed process loses nothing it was told is written', async t => {
  const file = join(t.testdir(), 'journal.db')
  t.equal((await appendElsewhere(file, 'a', '25')).written, 25)
  const journal = openSqliteJournal({ file, clock: systemClock() })
  t.equal(journal.head().seq, 25)
  t.equal(verifyChain(journal.scan(1, 100), journal.head()), undefined)
  journal.close()
})

void t.test('the memory journal: EIO and ENOSPC write nothing', async t => {
  for (const fault of ['EIO', 'ENOSPC'] as const) {
    const journal = openMemoryJournal(new VirtualClock())
    journal.append('a', 'A', 1)
    journal.fault = (stream, kind) => (stream === 'a' && kind === 'B' ? fault : undefined)
    t.throws(() => journal.append('a', 'B', 2), { ...failed, message: new RegExp(fault) })
    t.equal(journal.head().seq, 1)
    journal.append('a', 'C', 3)
    t.equal(verifyChain(journal.scan(1, 10), journal.head()), undefined)
  }
})

void t.test('the memory journal: what was not synced is gone after a crash', async t => {
  const journal = openMemoryJournal(new VirtualClock())
  journal.append('a', 'A', 1)
  journal.fault = (_stream, kind) => (kind === 'LOST' ? 'lose-sync' : undefined)
  journal.append('a', 'LOST', 2)
  t.equal(journal.read('a').length, 2, 'seen while the power is on')
  journal.crash()
  t.same(
    journal.read('a').map(record => record.kind),
    ['A'],
  )
  journal.append('a', 'LOST', 3)
  journal.append('a', 'B', 4)
  journal.crash()
  t.same(
    journal.read('a').map(record => record.kind),
    ['A', 'LOST', 'B'],
    'a later sync takes the earlier record with it',
  )
  t.equal(verifyChain(journal.scan(1, 10), journal.head()), undefined)
})

void t.test(
  'the memory journal: unreadable, and a body changed after its append is not changed in it',
  async t => {
    const journal = openMemoryJournal(new VirtualClock())
    const body = { list: [1] }
    journal.append('a', 'A', body)
    body.list.push(2)
    t.same(journal.read('a')[0]?.body, { list: [1] })
    journal.unreadable = true
    t.throws(() => journal.read('a'), failed)
    t.throws(() => journal.scan(1, 1), failed)
    t.throws(() => journal.streams('', 'all'), failed)
    t.throws(() => journal.append('a', 'B', 1), failed)
  },
)
