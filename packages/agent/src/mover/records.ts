/**
 * The journal of one side of one move: a stream `source/MOVE` or `target/MOVE` of these records, each synced before the
 * act it announces. The last record says where the side stands; DESIGN 5 and model/saga.pml use the same names.
 */
import type {
  HostCertificate,
  Journal,
  JournalRecord,
  MoveId,
  MoveOutcome,
  MoveRole,
} from '@heliotrope/shared'
import type { FenceKind } from '../ports.js'
import type { MoveOrder } from './ports.js'

/**
 * ORDERED: order and Grant taken, nothing done yet. HANDOVER: about to give READY to xl (a journal that cannot be written
 * shows here, while xl can still resume by itself). PAUSED: the VM ran here below its epoch and is paused for that. CLEAN: this side has done all it will ever do to the hypervisor; from
 * here it only speaks. CLOSED: the other side knows, the stream is sealed.
 */
export const sourceRecords = [
  'ORDERED',
  'PREPARED',
  'HANDOVER',
  'ABORT',
  'COMMIT',
  'RELEASED',
  'RECLAIM',
  'COMMIT2',
  'SUPERSEDED',
  'PAUSED',
  'CLEAN',
  'CLOSED',
] as const
export type SourceRecord = (typeof sourceRecords)[number]

/** SUPERSEDED: a grant above this move's epochs decides; the copy that was held is dropped. LOST: refused, and the kept copy is gone, too (the answer to a second Release). */
export const targetRecords = [
  'ORDERED',
  'PREPARED',
  'READY',
  'ACCEPT',
  'GO',
  'RUNNING',
  'REFUSE',
  'RETURN',
  'LOST',
  'SUPERSEDED',
  'CLEAN',
  'CLOSED',
] as const
export type TargetRecord = (typeof targetRecords)[number]

/** These tell of something on the way; where a side stands the records before them say. */
const asides = ['PAUSED', 'CLEAN', 'CLOSED'] as const
export type Aside = (typeof asides)[number]
export const isAside = (kind: string): kind is Aside => (asides as readonly string[]).includes(kind)

export interface RecordBody {
  /** In words for people. */
  why?: string
  /** PREPARED, READY: the domain on this host. */
  domid?: number
  bootId?: string
  /** PREPARED: what this side keeps the other from writing with, from here to the end of the move. */
  fence?: FenceKind
  /** ABORT: xl of this move was never started; a domain that stands suspended is somebody else's. */
  untouched?: boolean
  order?: MoveOrder
  outcome?: MoveOutcome
  /** The certificate that made us write the record, or that the record gives out. */
  certificate?: HostCertificate
  bytes?: number
  /** READY: what xl was given to make the domain; kept before it runs here, for the host may die the moment it does. */
  made?: unknown
  stillMs?: number
  [key: string]: unknown
}

export interface MoveRecord<K extends string> {
  kind: K
  at: number
  body: RecordBody
}

/** One side's stream, typed. Reads are fresh: another process may have written. */
export interface MoveJournal<K extends string> {
  readonly stream: string
  all(): MoveRecord<K>[]
  last(): MoveRecord<K> | undefined
  /** Where the side stands: the last record that is no aside. */
  standing(): MoveRecord<Exclude<K, Aside>> | undefined
  find(kind: K): MoveRecord<K> | undefined
  append(kind: K, body: RecordBody): void
  /** Writes CLOSED and seals. */
  close(body: RecordBody): void
}

export const streamOf = (role: MoveRole, move: MoveId): string => `${role}/${move}`
/** What others put there for the mover: requests to abort, certificates that came by another path. */
export const inboxOf = (role: MoveRole, move: MoveId): string => `inbox-${role}/${move}`

export function moveJournal<K extends SourceRecord | TargetRecord>(
  journal: Journal,
  role: MoveRole,
  move: MoveId,
): MoveJournal<K> {
  const stream = streamOf(role, move)
  const typed = (record: JournalRecord): MoveRecord<K> => ({
    kind: record.kind as K,
    at: record.at,
    body: record.body as RecordBody,
  })
  const all = (): MoveRecord<K>[] => journal.read(stream).map(typed)
  return {
    stream,
    all,
    last: () => all().at(-1),
    standing: () =>
      all().findLast(record => !isAside(record.kind)) as MoveRecord<Exclude<K, Aside>> | undefined,
    find: kind => all().find(record => record.kind === kind),
    append: (kind, body) => void journal.append(stream, kind, body),
    close(body) {
      journal.append(stream, 'CLOSED', body)
      journal.seal(stream)
    },
  }
}
