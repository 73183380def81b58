/**
 * The journal in memory, for the simulator: it can lose what was not synced, tear the tail, and answer EIO or ENOSPC.
 * `append` syncs at once unless told to lose it; `crash()` drops what was lost, as a power cut would.
 */
import type { Clock } from '../clock.js'
import { HeliotropeError } from '../errors.js'
import { chainHash, FIRST_PREVIOUS } from './port.js'
import type { Journal, JournalRecord } from './port.js'

export type JournalFault = 'EIO' | 'ENOSPC' | 'lose-sync'

export interface MemoryJournal extends Journal {
  /** Asked before each append; a fault makes it fail, or lets it seem to succeed and vanish at the next crash. */
  fault: (stream: string, kind: string) => JournalFault | undefined
  /** What a power cut leaves: only synced records. */
  crash(): void
  /** What a lost disk leaves: nothing. */
  lose(): void
  /** Reading stops being possible: a torn or damaged file. */
  unreadable: boolean
}

export function openMemoryJournal(clock: Clock): MemoryJournal {
  let records: JournalRecord[] = []
  let synced = 0
  const sealed = new Set<string>()
  // By stream, oldest first: a simulated day asks for its few open streams some hundred thousand times.
  let byStream = new Map<string, JournalRecord[]>()
  let open = new Set<string>()
  const index = (record: JournalRecord): void => {
    const records = byStream.get(record.stream)
    if (records) return void records.push(record)
    byStream.set(record.stream, [record])
    open.add(record.stream)
  }
  const readable = (): void => {
    if (journal.unreadable) throw new HeliotropeError('journal-failed', 'journal cannot be read to its end')
  }
  const journal: MemoryJournal = {
    fault: () => undefined,
    unreadable: false,
    append(stream, kind, body) {
      readable()
      if (sealed.has(stream)) throw new HeliotropeError('journal-failed', `stream ${stream} is sealed`)
      const fault = journal.fault(stream, kind)
      if (fault === 'EIO' || fault === 'ENOSPC')
        throw new HeliotropeError('journal-failed', `cannot append ${kind}: ${fault}`)
      const head = records.at(-1)
      const record = {
        seq: (head?.seq ?? 0) + 1,
        at: Math.round(clock.wall()),
        stream,
        kind,
        body: structuredClone(body),
        previous: head?.hash ?? FIRST_PREVIOUS,
      }
      const whole = { ...record, hash: chainHash(record) }
      records.push(whole)
      index(whole)
      if (fault !== 'lose-sync') synced = records.length
      return whole
    },
    read(stream) {
      readable()
      return [...(byStream.get(stream) ?? [])]
    },
    scan(from, limit) {
      readable()
      return records.slice(Math.max(0, from - 1), Math.max(0, from - 1) + limit)
    },
    streams(prefix, which) {
      readable()
      return [...(which === 'all' ? byStream.keys() : open)].filter(name => name.startsWith(prefix))
    },
    seal(stream) {
      sealed.add(stream)
      open.delete(stream)
    },
    head() {
      const head = records.at(-1)
      return head ? { seq: head.seq, hash: head.hash } : { seq: 0, hash: FIRST_PREVIOUS }
    },
    crash() {
      records = records.slice(0, synced)
      byStream = new Map()
      open = new Set()
      records.forEach(index)
      for (const stream of sealed) open.delete(stream)
    },
    lose() {
      synced = 0
      sealed.clear()
      journal.crash()
    },
    close() {},
  }
  return journal
}
