/**
 * The coordinator's journal of one move: stream `move/ID`. Each record is synced before the act it announces; the fold
 * of the stream is all a restarted coordinator needs.
 */
import type { Proven } from '../state/evidence.js'
import type {
  Bytes,
  CommandId,
  Epoch,
  Grant,
  HostCertificate,
  HostId,
  Journal,
  JournalRecord,
  MoveId,
  MoveLimits,
  MoveOutcome,
  Ms,
  ReasonStep,
  VmId,
} from '@heliotrope/shared'

export interface RequestedBody {
  vm: VmId
  name: string
  from: HostId
  to: HostId
  reason: ReasonStep[]
  limits: MoveLimits
  /** The audit act that this move is. */
  audit: string
  /** Plan it came from. */
  plan?: number
}

export interface GrantedBody {
  grant: Grant
  /** Derived once: a command that is sent again has the same id, and the agent acts once on it. */
  ids: { prepare: CommandId; start: CommandId; abortSource: CommandId; abortTarget: CommandId }
}

export interface DoneBody {
  outcome: MoveOutcome
  reason: string
  /** Owner epoch after the move. */
  epoch: Epoch
  bytes?: Bytes
  startedAt?: Ms
  endedAt?: Ms
  stillMs?: Ms
}

export interface MoveRecords {
  REQUESTED: RequestedBody
  GRANTED: GrantedBody
  TARGET_PREPARED: { address: string; port: number }
  STARTED: Record<string, never>
  /** We want it undone; `maybeStarted` says whether the source may have been told to start. */
  ABORTING: { why: string; maybeStarted: boolean }
  CERTIFICATE: { certificate: HostCertificate }
  /** Nothing moves any more; not an end: it goes on when a host answers. */
  STUCK: { text: string; remedy: string }
  DONE: DoneBody
}
export type MoveRecordKind = keyof MoveRecords
/** Where a move stands: the last of these records. */
export type MovePhase = Exclude<MoveRecordKind, 'CERTIFICATE' | 'STUCK'>

export interface MoveState {
  move: MoveId
  phase: MovePhase
  requestedAt: Ms
  /** When the phase began. */
  since: Ms
  requested: RequestedBody
  granted?: GrantedBody
  prepared?: MoveRecords['TARGET_PREPARED']
  aborting?: MoveRecords['ABORTING']
  certificates: HostCertificate[]
  stuck?: MoveRecords['STUCK']
  done?: DoneBody
}

/** What the end of a granted move means for the planner's patience with its VM. */
export const endOf = (outcome: MoveOutcome, at: Ms): { lastMovedAt: Ms } | { lastTriedAt: Ms } =>
  outcome === 'moved' ? { lastMovedAt: at } : { lastTriedAt: at }

/** It was ended for a boot; what became of it nobody has proven. */
export const wasSuperseded = ({ done, granted }: Pick<MoveState, 'done' | 'granted'>): boolean =>
  done?.outcome === 'lost' && done.epoch === granted?.grant.body.epoch

/** What a move that ended says of who owns the VM: its target only by the source's word, too (outcome.ts). */
export const provenBy = (
  state: Pick<MoveState, 'move' | 'requested' | 'certificates' | 'granted' | 'done'>,
  { epoch, outcome }: DoneBody,
): Proven => {
  const { certificates, move, requested } = state
  const { from, to } = requested
  const by = `move ${move}`
  if (outcome === 'moved') return { epoch, owner: to, by, gaveUp: [from] }
  // Who has it since, only its target can say.
  const released = wasSuperseded(state) && certificates.some(({ body }) => body.kind === 'release')
  return { epoch, owner: from, by, ...(released ? { gaveUp: [from], released } : { gaveUp: [] }) }
}

export const MOVE_PREFIX = 'move/'
export const moveStream = (move: MoveId): string => MOVE_PREFIX + move

export const readMove = (journal: Journal, move: MoveId): MoveState | undefined =>
  foldMove(move, journal.read(moveStream(move)))

/** Pure. @returns undefined for a stream without REQUESTED */
export function foldMove(
  move: MoveId,
  records: readonly Pick<JournalRecord, 'kind' | 'body' | 'at'>[],
): MoveState | undefined {
  let state: MoveState | undefined
  for (const { kind, body, at } of records) {
    if (kind === 'REQUESTED') {
      const requested = body as RequestedBody
      state = { move, phase: 'REQUESTED', requestedAt: at, since: at, requested, certificates: [] }
    } else if (state) state = applied(state, kind as MoveRecordKind, body, at)
  }
  return state
}

function applied(state: MoveState, kind: MoveRecordKind, body: unknown, at: Ms): MoveState {
  const next = { ...state, phase: kind as MovePhase, since: at }
  switch (kind) {
    case 'REQUESTED':
      return state
    case 'GRANTED':
      return { ...next, granted: body as GrantedBody }
    case 'TARGET_PREPARED':
      return { ...next, prepared: body as MoveRecords['TARGET_PREPARED'] }
    case 'STARTED':
      return next
    case 'ABORTING':
      return { ...next, aborting: body as MoveRecords['ABORTING'] }
    case 'DONE':
      return { ...next, done: body as DoneBody }
    case 'STUCK':
      return { ...state, stuck: body as MoveRecords['STUCK'] }
    case 'CERTIFICATE':
      return {
        ...state,
        certificates: [...state.certificates, (body as MoveRecords['CERTIFICATE']).certificate],
      }
  }
}
