/** `audit verify`: walks a journal file and names the first record that does not fit. Needs nothing but the file. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { HeliotropeError, openSqliteJournal, verifyChain } from '@heliotrope/shared'
import type { ChainFault, Clock, Journal, JournalRecord } from '@heliotrope/shared'
import type { JournalHead } from './memory-of-fleet.js'

export interface Verified {
  file: string
  records: number
  head: JournalHead
  /** What the end was checked against: a cut tail shows only against a head that was noted elsewhere. */
  against: 'given head' | 'head noted in the store' | 'nothing'
  fault?: ChainFault
}

const PAGE = 1_000

/**
 * @param expected head noted by another party; default: the one the coordinator notes in its store beside the journal
 * @throws unknown if there is no such file, tampered if it cannot be read as a journal
 */
export function verifyJournalFile(file: string, clock: Clock, expected?: JournalHead): Verified {
  if (!existsSync(file)) throw new HeliotropeError('unknown', `there is no journal ${file}`)
  const noted = expected ?? notedBeside(file)
  let journal: Journal | undefined
  try {
    journal = openSqliteJournal({ file, clock, readonly: true })
    let records = 0
    const counted = function* (from: Journal): Generator<JournalRecord> {
      for (const record of pages(from)) {
        records++
        yield record
      }
    }
    const fault = verifyChain(counted(journal), noted)
    const against = expected ? 'given head' : noted ? 'head noted in the store' : 'nothing'
    return { file, records, head: journal.head(), against, ...(fault ? { fault } : {}) }
  } catch (cause) {
    throw new HeliotropeError('tampered', `${file} cannot be read to its end as a journal`, {
      cause,
      remedy: 'keep the file as it is; compare it with a backup',
    })
  } finally {
    journal?.close()
  }
}

function* pages(journal: Journal): Generator<JournalRecord> {
  for (let from = 1; ;) {
    const page = journal.scan(from, PAGE)
    yield* page
    const last = page.at(-1)
    if (page.length < PAGE || !last) return
    from = last.seq + 1
  }
}

function notedBeside(file: string): JournalHead | undefined {
  const store = join(dirname(file), 'heliotrope.db')
  if (!existsSync(store)) return undefined
  try {
    const db = new Database(store, { readonly: true, fileMustExist: true })
    try {
      return db.prepare<[], JournalHead>(`SELECT seq, hash FROM head WHERE name = 'coordinator'`).get()
    } finally {
      db.close()
    }
  } catch {
    // The store is a help, not a need.
    return undefined
  }
}
