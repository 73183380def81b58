/**
 * Reports on their way to the coordinator: numbered, kept in SQLite until acknowledged, so that neither a cut link nor
 * a restart of the agent leaves a hole. Bounded in bytes and age; the oldest samples are thinned first. With a full
 * disk it goes on in memory and says so.
 */
import Database from 'better-sqlite3'
import { DAY, encode, errorChain, HeliotropeError, MEBIBYTE } from '@heliotrope/shared'
import type { Bytes, Clock, Log, Ms, Report } from '@heliotrope/shared'

export interface BufferOptions {
  /** A path, or `:memory:`. */
  file: string
  clock: Clock
  log: Log
  /** Default 50 MiB. */
  maxBytes?: Bytes
  /** Default 7 days. */
  maxAgeMs?: Ms
  /** Kept in memory while the disk refuses; default 720, an hour of reports. */
  maxInMemory?: number
  /** For tests: size limit of the file, in pages of 4 KiB; beyond it SQLite says that the disk is full. */
  maxPages?: number
}

export interface BufferedReport {
  /** Rises; the place in the buffer. */
  id: number
  bootId: string
  seq: number
  /** The whole message, encoded. */
  bytes: Uint8Array
}

export interface ReportBuffer {
  /** Numbers the report within its boot and keeps it. @throws bad-input if it is larger than a frame may be */
  append(report: Omit<Report, 'seq'>): void
  /** The oldest ones with `id > after`. */
  pending(after: number, limit: number): BufferedReport[]
  /**
   * Drops all of that boot up to `seq`.
   * @returns false if more is acknowledged than was ever numbered here (the buffer was lost): the numbers go on from
   * there, and what was dropped must be told again
   */
  acknowledge(bootId: string, seq: number): boolean
  standing(): { reports: number; bytes: Bytes; problem: string | undefined }
  close(): void
}

interface Row {
  id: number
  boot: string
  seq: number
  at: number
  plain: number
  body: Uint8Array
}

/** How many appends between two looks at the limits. */
const THIN_EVERY = 64
/** Reports written at once after the disk was full: not all of them may fit yet. */
const BATCH = 16

export function openReportBuffer(options: BufferOptions): ReportBuffer {
  const { clock, log, maxBytes = 50 * MEBIBYTE, maxAgeMs = 7 * DAY, maxInMemory = 720 } = options
  const db = open(options)
  const insert = db.prepare<Row>('INSERT INTO report VALUES (@id, @boot, @seq, @at, @plain, @body)')
  const count = db.prepare<[string, number]>(
    'INSERT INTO counter VALUES (?, ?) ON CONFLICT (boot) DO UPDATE SET seq = excluded.seq',
  )
  const counted = db.prepare<[string], { seq: number }>('SELECT seq FROM counter WHERE boot = ?')
  const after = db.prepare<[number, number], Row>('SELECT * FROM report WHERE id > ? ORDER BY id LIMIT ?')
  const drop = db.prepare<[string, number], { size: number }>(
    'DELETE FROM report WHERE boot = ? AND seq <= ? RETURNING length(body) AS size',
  )
  const sum = db.prepare<[], { n: number; bytes: number; last: number }>(
    'SELECT count(*) AS n, coalesce(sum(length(body)), 0) AS bytes, coalesce(max(id), 0) AS last FROM report',
  )
  const thinOnce = db.prepare(
    `DELETE FROM report WHERE id IN (
       SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM report WHERE plain = 1)
       WHERE n % 2 = 1 AND n <= (SELECT count(*) FROM report WHERE plain = 1) / 2)`,
  )
  const store = db.transaction((rows: readonly Row[]) => {
    for (const row of rows) {
      insert.run(row)
      count.run(row.boot, row.seq)
    }
  })
  const start = sum.get()
  let lastId = start?.last ?? 0
  let bytes = start?.bytes ?? 0
  let reports = start?.n ?? 0
  let untilThin = 0
  let problem: string | undefined
  const seqs = new Map<string, number>()
  /** Newest ones, which the disk did not take. */
  let memory: Row[] = []

  const recount = (): void => {
    const now = sum.get()
    bytes = now?.bytes ?? 0
    reports = now?.n ?? 0
  }
  const thin = db.transaction(() => {
    db.prepare('DELETE FROM report WHERE at < ?').run(clock.wall() - maxAgeMs)
    recount()
    // Every second of the older half of those that hold nothing but samples: resolution goes, the history stays.
    for (let pass = 0; pass < 8 && bytes > maxBytes; pass++) {
      const { changes } = thinOnce.run()
      recount()
      if (changes === 0) break
    }
    if (bytes <= maxBytes) return
    // Nothing left to thin: the oldest quarter goes.
    db.prepare('DELETE FROM report WHERE id IN (SELECT id FROM report ORDER BY id LIMIT ?)').run(
      Math.ceil(reports / 4),
    )
    recount()
  })

  const flushMemory = (): void => {
    try {
      while (memory.length > 0) {
        const batch = memory.slice(0, BATCH)
        store(batch)
        for (const row of batch) bytes += row.body.length
        reports += batch.length
        memory = memory.slice(BATCH)
      }
      if (problem) log.info('reports are kept on disk again')
      problem = undefined
    } catch (error) {
      if (!problem)
        log.error('reports are kept in memory only', { file: options.file, error: errorChain(error) })
      problem = `${options.file} cannot be written: ${HeliotropeError.from(error).message}`
      if (memory.length > maxInMemory) memory.splice(0, memory.length - maxInMemory)
    }
  }

  return {
    append(report) {
      const boot = report.bootId
      const seq = (seqs.get(boot) ?? counted.get(boot)?.seq ?? 0) + 1
      const body = encode({ t: 'report', report: { ...report, seq } })
      seqs.set(boot, seq)
      const plain =
        report.full || report.facts || report.domains || report.alarms.length > 0 || report.findings ? 0 : 1
      memory.push({ id: ++lastId, boot, seq, at: Math.round(report.at), plain, body })
      flushMemory()
      if (problem === undefined && untilThin-- <= 0) {
        untilThin = THIN_EVERY
        try {
          thin()
        } catch (error) {
          log.warn('old reports could not be thinned', { error: errorChain(error) })
        }
      }
    },
    pending(from, limit) {
      const rows = after.all(from, limit)
      for (const row of memory) if (row.id > from && rows.length < limit) rows.push(row)
      return rows.map(row => ({
        id: row.id,
        bootId: row.boot,
        seq: row.seq,
        bytes: new Uint8Array(row.body),
      }))
    },
    acknowledge(bootId, seq) {
      memory = memory.filter(row => row.boot !== bootId || row.seq > seq)
      try {
        for (const { size } of drop.all(bootId, seq)) {
          bytes -= size
          reports--
        }
      } catch (error) {
        // Sent again after the next connect; the coordinator knows it by its number.
        log.warn('acknowledged reports could not be dropped', { error: errorChain(error) })
      }
      if (seq <= (seqs.get(bootId) ?? Number.POSITIVE_INFINITY)) return true
      seqs.set(bootId, seq)
      return false
    },
    standing: () => ({
      reports: reports + memory.length,
      bytes: bytes + memory.reduce((total, row) => total + row.body.length, 0),
      problem,
    }),
    close: () => db.close(),
  }
}

function open({ file, maxPages }: BufferOptions): Database.Database {
  try {
    const db = new Database(file, { timeout: 5_000 })
    db.pragma('journal_mode = WAL')
    // The last seconds may be lost at a power cut; a sync every 5 s would wear a small disk for nothing.
    db.pragma('synchronous = NORMAL')
    db.pragma('wal_autocheckpoint = 256')
    db.pragma('cache_size = -512')
    db.exec(
      `CREATE TABLE IF NOT EXISTS report (
         id INTEGER PRIMARY KEY, boot TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
         plain INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
       CREATE INDEX IF NOT EXISTS report_boot ON report (boot, seq);
       CREATE TABLE IF NOT EXISTS counter (boot TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;`,
    )
    if (maxPages !== undefined) db.pragma(`max_page_count = ${maxPages}`)
    return db
  } catch (cause) {
    throw new HeliotropeError('unavailable', `report buffer ${file} cannot be opened`, {
      cause,
      remedy:
        'check space and permissions of data_dir; a damaged buffer may be removed, it holds only unsent samples',
    })
  }
}
