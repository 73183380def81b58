/** What the journal of this host says of a move, for the coordinator and for people. */
import type {
  Certificate,
  HostCertificate,
  Journal,
  MoveId,
  MoveRole,
  MoveStanding,
} from '@heliotrope/shared'
import { inboxOf, isAside, moveJournal, streamOf } from './records.js'
import type { MoveRecord, RecordBody, SourceRecord, TargetRecord } from './records.js'

/** Which sides of the move this host's journal knows; both only where a host would move to itself, which is refused. */
export function rolesOf(journal: Journal, move: MoveId): MoveRole[] {
  return (['source', 'target'] as const).filter(role => journal.read(streamOf(role, move)).length > 0)
}

export function standingOf(journal: Journal, move: MoveId): MoveStanding {
  const role = rolesOf(journal, move)[0]
  if (role === undefined) return { move, known: false, record: '', closed: false, certificates: [] }
  const records = moveJournal<SourceRecord | TargetRecord>(journal, role, move).all()
  const closed = records.at(-1)?.kind === 'CLOSED'
  const standing = records.findLast(record => !isAside(record.kind)) as MoveRecord<
    SourceRecord | TargetRecord
  >
  const last = records.at(-1)!
  const find = (kind: string): MoveRecord<string> | undefined => records.find(record => record.kind === kind)
  const why = records.findLast(record => record.body.why !== undefined)?.body.why
  const outcome = outcomeOf(standing.kind)
  const stillMs = find('RELEASED')?.body.stillMs
  const bytes = (find('COMMIT') ?? find('READY'))?.body.bytes
  return {
    move,
    known: true,
    record: standing.kind,
    closed,
    ...(outcome && { outcome }),
    ...(why !== undefined && { reason: why.slice(0, 1000) }),
    ...(bytes !== undefined && { bytes }),
    startedAt: records[0]!.at,
    ...(closed && { endedAt: last.at }),
    ...(stillMs !== undefined && { stillMs }),
    certificates: certificatesIn(records),
    records: records.slice(-40).map(({ kind, at }) => ({ kind, at })),
  }
}

function outcomeOf(record: string): MoveStanding['outcome'] {
  if (record === 'RELEASED' || record === 'RUNNING') return 'moved'
  if (record === 'ABORT' || record === 'RECLAIM' || record === 'REFUSE' || record === 'RETURN')
    return 'stayed'
  if (record === 'LOST' || record === 'SUPERSEDED') return 'lost'
  return undefined
}

function certificatesIn(records: MoveRecord<string>[]): Certificate[] {
  const order = records[0]?.body.order
  const seen = new Map<string, Certificate>()
  if (order) seen.set('grant', order.grant)
  for (const { body } of records)
    if (body.certificate)
      seen.set(`${body.certificate.body.kind}/${body.certificate.body.epoch}`, body.certificate)
  return [...seen.values()]
}

/** Streams of moves that are not closed on this host. */
export function openMoves(journal: Journal): { role: MoveRole; move: MoveId }[] {
  return (['source', 'target'] as const).flatMap(role =>
    journal
      .streams(`${role}/`, 'open')
      .map(stream => ({ role, move: stream.slice(role.length + 1) as MoveId })),
  )
}

/** Asks the mover of each side that this host knows to give up, if that is still its to say. */
export function requestAbort(journal: Journal, move: MoveId, reason: string): void {
  for (const role of rolesOf(journal, move)) {
    if (moveJournal(journal, role, move).last()?.kind === 'CLOSED') continue
    journal.append(inboxOf(role, move), 'ABORT-REQUESTED', { reason })
  }
}

/** Passes on to the mover what came by way of the coordinator; what is in its inbox already is not put there again. */
export function deliver(
  journal: Journal,
  move: MoveId,
  certificates: readonly HostCertificate[],
  peerClosed: boolean,
): void {
  for (const role of rolesOf(journal, move)) {
    if (moveJournal(journal, role, move).last()?.kind === 'CLOSED') continue
    const inbox = inboxOf(role, move)
    const there = new Set(
      journal.read(inbox).map(({ kind, body }) => {
        const { certificate } = body as RecordBody
        return certificate ? `${certificate.body.kind}/${certificate.body.epoch}` : kind
      }),
    )
    for (const certificate of certificates) {
      // Only the other side's words are news.
      const own = certificate.body.by === ownHost(journal, role, move)
      if (!own && !there.has(`${certificate.body.kind}/${certificate.body.epoch}`))
        journal.append(inbox, 'CERTIFICATE', { certificate })
    }
    if (peerClosed && !there.has('PEER-CLOSED')) journal.append(inbox, 'PEER-CLOSED', {})
  }
}

function ownHost(journal: Journal, role: MoveRole, move: MoveId): string | undefined {
  const grant = moveJournal(journal, role, move).all()[0]?.body.order?.grant.body
  return role === 'source' ? grant?.from.host : grant?.to.host
}
