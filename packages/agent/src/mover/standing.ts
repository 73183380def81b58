/** What the journal of this host says of a move, for the coordinator and for people. */
import { checkHostCertificate, HeliotropeError } from '@heliotrope/shared'
import type {
  Certificate,
  GrantBody,
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

/**
 * Passes on to the mover what came by way of the coordinator: statements of the other side that fit the Grant and are not
 * in its inbox already. Each is checked before it is compared, so that a forged one keeps no genuine one out.
 * @param refused told of each statement that is not passed on because it does not fit
 */
export function deliver(
  journal: Journal,
  move: MoveId,
  statements: readonly HostCertificate[],
  peerClosed: boolean,
  refused: (statement: HostCertificate, why: string) => void,
): void {
  for (const role of rolesOf(journal, move)) {
    const records = moveJournal(journal, role, move).all()
    const grant = records[0]?.body.order?.grant.body
    if (!grant || records.at(-1)?.kind === 'CLOSED') continue
    const inbox = inboxOf(role, move)
    const there = journal.read(inbox)
    const known = there.flatMap(({ body }) => (body as RecordBody).certificate ?? [])
    const names = new Set(known.filter(one => whyNot(one, grant) === undefined).map(nameOf))
    const own = (role === 'source' ? grant.from : grant.to).host
    for (const certificate of statements) {
      const why = whyNot(certificate, grant)
      if (why !== undefined) {
        refused(certificate, why)
        continue
      }
      // Only what the other side says is news.
      if (certificate.body.by === own || names.has(nameOf(certificate))) continue
      names.add(nameOf(certificate))
      journal.append(inbox, 'CERTIFICATE', { certificate })
    }
    if (peerClosed && !there.some(({ kind }) => kind === 'PEER-CLOSED'))
      journal.append(inbox, 'PEER-CLOSED', {})
  }
}

/** Of two statements that fit one Grant and have the same name, one is enough. */
const nameOf = ({ body }: HostCertificate): string => `${body.kind}/${body.epoch}`

function whyNot(statement: HostCertificate, grant: GrantBody): string | undefined {
  try {
    checkHostCertificate(statement, grant)
    return undefined
  } catch (error) {
    return HeliotropeError.from(error).message
  }
}
