/** One move as it is told to people: each step with its time, who says so and the evidence, and what comes next. Pure. */
import { checkHostCertificate } from '@heliotrope/shared'
import type {
  GrantBody,
  HostCertificate,
  HostId,
  JournalRecord,
  MoveId,
  MoveStanding,
  Ms,
} from '@heliotrope/shared'
import { nextStep } from './next-step.js'
import type { NextStep } from './next-step.js'
import type { Standings } from './outcome.js'
import type { MoveRecords, MoveState } from './records.js'

export interface StoryStep {
  at: Ms
  /** `coordinator`, or a host. */
  who: string
  /** Name of the record. */
  record: string
  /** What is known by it, and how: a certificate's signer, epoch and whether it checks against the Grant. */
  evidence: string
}

export interface SideView {
  host: HostId
  answers: boolean
  known?: boolean
  record?: string
  closed?: boolean
  reason?: string
}

export interface SagaView {
  move: MoveId
  vm: string
  name: string
  from: HostId
  to: HostId
  phase: string
  epoch?: number
  steps: StoryStep[]
  source: SideView
  target: SideView
  next: string
  missing: string[]
  outcome?: string
}

/** @param records of the coordinator's stream @param standings what the hosts say now; absent: no answer */
export function sagaView(
  state: MoveState,
  records: readonly Pick<JournalRecord, 'kind' | 'body' | 'at'>[],
  standings: Standings,
  certificates: readonly HostCertificate[],
  now: Ms,
): SagaView {
  const { move, phase, requested, granted, done } = state
  const grant = granted?.grant.body
  const { from, to } = requested
  const steps = [
    ...records.map(record => ownStep(record, grant)),
    ...sideSteps(from, standings.source),
    ...sideSteps(to, standings.target),
  ].sort((a, b) => a.at - b.at)
  const next = done
    ? closing(standings, from, to)
    : grant
      ? nextStep({ grant, certificates, standings, startImpossible: now >= grant.startBefore })
      : { text: 'it was never granted, so no host was told of it; the VM stays', missing: [] }
  const outcome = done?.outcome ?? next.proof?.outcome
  return {
    move,
    vm: requested.vm,
    name: requested.name,
    from,
    to,
    phase,
    ...(grant && { epoch: grant.epoch }),
    steps,
    source: sideOf(from, standings.source),
    target: sideOf(to, standings.target),
    next: next.text,
    missing: next.missing,
    ...(outcome && { outcome }),
  }
}

function closing({ source, target }: Standings, from: HostId, to: HostId): NextStep {
  const open = [
    source && source.known && !source.closed ? from : '',
    target && target.known && !target.closed ? to : '',
  ].filter(Boolean)
  return {
    text:
      open.length > 0
        ? `it has ended; ${open.join(' and ')} must still put its part away`
        : 'it has ended; nothing',
    missing: [],
  }
}

const sideOf = (host: HostId, standing: MoveStanding | undefined): SideView =>
  standing
    ? {
        host,
        answers: true,
        known: standing.known,
        record: standing.record,
        closed: standing.closed,
        ...(standing.reason !== undefined && { reason: standing.reason }),
      }
    : { host, answers: false }

const sideSteps = (host: HostId, standing: MoveStanding | undefined): StoryStep[] =>
  (standing?.records ?? []).map(({ kind, at }) => ({
    at,
    who: host,
    record: kind,
    evidence: `the journal of ${host}`,
  }))

function ownStep(
  { kind, body, at }: Pick<JournalRecord, 'kind' | 'body' | 'at'>,
  grant: GrantBody | undefined,
): StoryStep {
  return { at, who: 'coordinator', record: kind, evidence: evidenceOf(kind, body, grant) }
}

function evidenceOf(kind: string, body: unknown, grant: GrantBody | undefined): string {
  switch (kind) {
    case 'REQUESTED': {
      const { reason } = body as MoveRecords['REQUESTED']
      return reason.map(step => `${step.by}: ${step.why}`).join('; ')
    }
    case 'GRANTED': {
      const { grant: given } = body as MoveRecords['GRANTED']
      const how = given.body.how === 'regular' ? 'regular, ' : ''
      return `Grant at epoch ${given.body.epoch}, ${how}to be started before ${new Date(given.body.startBefore).toISOString()}`
    }
    case 'TARGET_PREPARED': {
      const { address, port } = body as MoveRecords['TARGET_PREPARED']
      return `the target listens on ${address}:${port}`
    }
    case 'ABORTING':
      return (body as MoveRecords['ABORTING']).why
    case 'CERTIFICATE':
      return certificateText((body as MoveRecords['CERTIFICATE']).certificate, grant)
    case 'STUCK': {
      const { text, remedy } = body as MoveRecords['STUCK']
      return `${text}; ${remedy}`
    }
    case 'DONE': {
      const { outcome, reason, epoch } = body as MoveRecords['DONE']
      return `${outcome} at epoch ${epoch}: ${reason}`
    }
    default:
      return ''
  }
}

function certificateText(certificate: HostCertificate, grant: GrantBody | undefined): string {
  const { kind, by, epoch, at } = certificate.body
  let verdict = 'signature checked against the Grant'
  try {
    if (grant) checkHostCertificate(certificate, grant)
    else verdict = 'no Grant to check it against'
  } catch {
    verdict = 'DOES NOT FIT THE GRANT, counts for nothing'
  }
  return `${kind} of ${by} at epoch ${epoch}, said ${new Date(at).toISOString()} (${verdict})`
}
