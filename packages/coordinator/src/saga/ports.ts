/** What the coordinator's part of a move needs: no sockets, no SQLite. */
import type {
  Clock,
  HostId,
  Journal,
  Log,
  MoveLimits,
  Ms,
  Rng,
  Signer,
  VmId,
  VmState,
} from '@heliotrope/shared'
import type { Agents } from '../ingest/sessions.js'
import type { VmNoteChange } from '../state/fleet.js'
import type { Alarms } from '../store/alarms.js'
import type { Audit } from '../store/audit.js'
import type { MoveState } from './records.js'

export interface SagaHost {
  connected: boolean
  bootId: string
  /** Fingerprint of its key. */
  key: string
  /** Why it takes part in no new move although it is connected. */
  closed?: string
}

export interface SagaFleet {
  vm(id: VmId): VmState | undefined
  host(id: HostId): SagaHost | undefined
  /** Connected hosts that report it as running. */
  runningAt(vm: VmId): HostId[]
  note(vm: VmId, change: VmNoteChange): void
}

export interface SagaLimits {
  /** How long after the grant a move may start. */
  startMs: Ms
  /** Open moves that one host takes part in. */
  maxPerHost: number
  move: MoveLimits
}

export interface SagaPorts {
  clock: Clock
  rng: Rng
  log: Log
  journal: Journal
  signer: Signer
  fleet: SagaFleet
  agents: Agents
  audit: Audit
  alarms: Alarms
  limits: SagaLimits
  /** After the DONE record. */
  ended(state: MoveState): void
}
