/**
 * The one journal port, for agent, mover and coordinator: append-only records in named streams, all in one hash chain.
 * `append` returns only when the record is on the disk; an outward act follows its record, never the other way round
 * (I5). If it throws, nothing was written that a reader will see, and no new step may be taken (I14).
 */
import { createHash } from 'node:crypto'
import { canonical } from '../canonical.js'
import type { Ms } from '../units.js'

export interface JournalRecord {
  /** Position in the chain, from 1, without holes. */
  seq: number
  at: Ms
  /** What it belongs to: `source/MOVE`, `target/MOVE`, `audit/ID`, … */
  stream: string
  kind: string
  body: unknown
  /** Hash of the record before; 64 zeros for the first. */
  previous: string
  hash: string
}

export interface Journal {
  /** @throws HeliotropeError journal-failed (also for a sealed stream) */
  append(stream: string, kind: string, body: unknown): JournalRecord
  /** All records of one stream, oldest first. @throws journal-failed if it cannot be read to its end */
  read(stream: string): JournalRecord[]
  /** Records of all streams with `from <= seq`, oldest first, at most `limit`. */
  scan(from: number, limit: number): JournalRecord[]
  /** Streams with this prefix that have records, oldest first. */
  streams(prefix: string, which: 'open' | 'all'): string[]
  /** Marks a stream as finished: a later append to it throws. Idempotent. */
  seal(stream: string): void
  /** Last record of the chain, for exchange with another party. */
  head(): { seq: number; hash: string }
  close(): void
}

export const FIRST_PREVIOUS = '0'.repeat(64)

/** Chain hash of a record: covers everything but itself. */
export function chainHash(record: Omit<JournalRecord, 'hash'>): string {
  const { seq, at, stream, kind, body, previous } = record
  return createHash('sha256').update(canonical({ seq, at, stream, kind, body, previous })).digest('hex')
}

export interface ChainFault {
  seq: number
  what: string
}

/**
 * Walks a chain and names the first record that does not fit, or undefined.
 * @param expectedHead what another party noted as the head: a cut tail shows only against that
 */
export function verifyChain(
  records: Iterable<JournalRecord>,
  expectedHead?: { seq: number; hash: string },
): ChainFault | undefined {
  let previous = FIRST_PREVIOUS
  let seq = 0
  let headSeen = expectedHead === undefined || expectedHead.seq === 0
  for (const record of records) {
    seq++
    if (record.seq !== seq)
      return { seq, what: `record ${seq} is missing, ${record.seq} stands in its place` }
    if (record.previous !== previous) return { seq, what: `record ${seq} does not follow record ${seq - 1}` }
    if (chainHash(record) !== record.hash) return { seq, what: `record ${seq} was changed` }
    previous = record.hash
    if (expectedHead?.seq === seq) {
      if (expectedHead.hash !== record.hash)
        return { seq, what: `record ${seq} is not the one noted elsewhere` }
      headSeen = true
    }
  }
  if (!headSeen)
    return { seq: seq + 1, what: `the tail is cut: ${expectedHead?.seq} records were noted elsewhere` }
  return undefined
}
