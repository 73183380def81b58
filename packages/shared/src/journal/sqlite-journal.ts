/**
 * The journal in SQLite. WAL with `synchronous = FULL`: a commit is synced before `append` returns (NORMAL, the default
 * in WAL mode, may lose the last commits at a power cut). Agent and movers append to one file from several processes;
 * BEGIN IMMEDIATE makes the chain one.
 */
import Database from 'better-sqlite3'
import type { Clock } from '../clock.js'
import { HeliotropeError } from '../errors.js'
import { chainHash, FIRST_PREVIOUS } from './port.js'
import type { Journal, JournalRecord } from './port.js'

const MIGRATIONS = [
  `CREATE TABLE record (
     seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, stream TEXT NOT NULL, kind TEXT NOT NULL,
     body TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL
   ) STRICT;
   CREATE INDEX record_stream ON record (stream, seq);
   CREATE TABLE sealed (stream TEXT PRIMARY KEY) STRICT;`,
]

interface Row {
  seq: number
  at: number
  stream: string
  kind: string
  body: string
  previous: string
  hash: string
}

export interface SqliteJournalOptions {
  /** A path, or `:memory:`. */
  file: string
  clock: Clock
  /** Opens an existing file without writing to it (audit). Default false. */
  readonly?: boolean
  /** How long to wait for another process's append. Default 5,000 ms. */
  busyMs?: number
}

export function openSqliteJournal(options: SqliteJournalOptions): Journal {
  const { file, clock, readonly = false, busyMs = 5_000 } = options
  const db = openDatabase(file, readonly, busyMs)
  const last = db.prepare<[], Row>('SELECT * FROM record ORDER BY seq DESC LIMIT 1')
  const insert = db.prepare<Row>(
    'INSERT INTO record VALUES (@seq, @at, @stream, @kind, @body, @previous, @hash)',
  )
  const ofStream = db.prepare<[string], Row>('SELECT * FROM record WHERE stream = ? ORDER BY seq')
  const fromSeq = db.prepare<[number, number], Row>(
    'SELECT * FROM record WHERE seq >= ? ORDER BY seq LIMIT ?',
  )
  const isSealed = db.prepare<[string], { stream: string }>('SELECT stream FROM sealed WHERE stream = ?')
  const addSeal = db.prepare<[string]>('INSERT OR IGNORE INTO sealed VALUES (?)')
  const named = db.prepare<[string, string], { stream: string }>(
    'SELECT stream FROM record WHERE stream >= ? AND stream < ? GROUP BY stream ORDER BY min(seq)',
  )
  // By seq, not by the index of streams (unary plus): few records are newer than the last look.
  const newer = db.prepare<[number, string, string], { stream: string }>(
    `SELECT stream FROM record WHERE seq > ? AND +stream >= ? AND +stream < ?
     GROUP BY stream ORDER BY min(seq)`,
  )
  /** By prefix: the streams that are open, and the record up to which that is known. Few streams are open at a time. */
  const followed = new Map<string, { upTo: number; open: Set<string> }>()
  const openStreams = (prefix: string): string[] => {
    const end = `${prefix}\u{10ffff}`
    const { upTo, open } = followed.get(prefix) ?? { upTo: 0, open: new Set<string>() }
    // Read first: what another process appends after it is seen again the next time, not missed.
    const head = last.get()?.seq ?? 0
    for (const { stream } of upTo === 0 ? named.all(prefix, end) : newer.all(upTo, prefix, end))
      open.add(stream)
    for (const stream of open) if (isSealed.get(stream)) open.delete(stream)
    followed.set(prefix, { upTo: head, open })
    return [...open]
  }

  const appendOne = db.transaction((stream: string, kind: string, body: unknown): JournalRecord => {
    if (isSealed.get(stream)) throw new HeliotropeError('journal-failed', `stream ${stream} is sealed`)
    const before = last.get()
    const record = {
      seq: (before?.seq ?? 0) + 1,
      at: Math.round(clock.wall()),
      stream,
      kind,
      body,
      previous: before?.hash ?? FIRST_PREVIOUS,
    }
    const whole = { ...record, hash: chainHash(record) }
    insert.run({ ...whole, body: JSON.stringify(body) })
    return whole
  })

  const guard = <T>(what: string, act: () => T): T => {
    try {
      return act()
    } catch (error) {
      if (error instanceof HeliotropeError) throw error
      throw failed(`journal ${file}: ${what}`, error)
    }
  }
  return {
    append: (stream, kind, body) =>
      guard(`cannot append ${kind}`, () => appendOne.immediate(stream, kind, body)),
    read: stream => guard('cannot be read', () => ofStream.all(stream).map(toRecord)),
    scan: (from, limit) => guard('cannot be read', () => fromSeq.all(from, limit).map(toRecord)),
    streams: (prefix, which) =>
      guard('cannot be read', () =>
        which === 'open'
          ? openStreams(prefix)
          : named.all(prefix, `${prefix}\u{10ffff}`).map(row => row.stream),
      ),
    seal: stream => guard('cannot seal', () => void addSeal.run(stream)),
    head: () => {
      const row = guard('cannot be read', () => last.get())
      return row ? { seq: row.seq, hash: row.hash } : { seq: 0, hash: FIRST_PREVIOUS }
    },
    close: () => db.close(),
  }
}

/** Opens the file and brings it to this version's tables; leaves nothing open if it cannot. */
function openDatabase(file: string, readonly: boolean, busyMs: number): Database.Database {
  let db: Database.Database | undefined
  try {
    db = new Database(file, { readonly, fileMustExist: readonly, timeout: busyMs })
    if (!readonly) {
      db.pragma('journal_mode = WAL')
      db.pragma('synchronous = FULL')
    }
    const version = db.pragma('user_version', { simple: true }) as number
    if (version > MIGRATIONS.length || (readonly && version < MIGRATIONS.length))
      throw new HeliotropeError(
        'journal-failed',
        `it has tables of version ${version}, we know ${MIGRATIONS.length}`,
      )
    // Only then: a mover that opens the journal must not wait for the lock of one that appends.
    if (version < MIGRATIONS.length) migrate(db)
    return db
  } catch (error) {
    db?.close()
    if (!(error instanceof HeliotropeError)) throw failed(`journal ${file} cannot be opened`, error)
    throw new HeliotropeError('journal-failed', `journal ${file} cannot be opened: ${error.message}`, {
      remedy: 'use the program that wrote it, or a newer one',
    })
  }
}

function migrate(db: Database.Database): void {
  const run = db.transaction(() => {
    const done = db.pragma('user_version', { simple: true }) as number
    MIGRATIONS.slice(done).forEach(sql => db.exec(sql))
    db.pragma(`user_version = ${MIGRATIONS.length}`)
  })
  run.immediate()
}

function toRecord(row: Row): JournalRecord {
  try {
    return { ...row, body: JSON.parse(row.body) as unknown }
  } catch (cause) {
    throw failed(`the body of record ${row.seq} is damaged`, cause)
  }
}

const failed = (message: string, cause: unknown): HeliotropeError =>
  new HeliotropeError('journal-failed', message, {
    cause,
    remedy: 'check the disk: space, errors, permissions',
  })
