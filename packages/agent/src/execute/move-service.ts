/** What the rest of the agent knows of moves: what they answer, and what to report of them. */
import { HeliotropeError } from '@heliotrope/shared'
import type {
  Alarm,
  Certificate,
  CommandHandlers,
  Epoch,
  MoveId,
  MoveProgress,
  VmId,
} from '@heliotrope/shared'

export interface MoveService {
  handlers: Pick<
    CommandHandlers,
    'move.prepare-target' | 'move.start-source' | 'move.abort' | 'move.standing'
  >
  /** Recovers what an earlier process left, and begins to watch the movers. */
  start(hooks: MoveHooks): Promise<void>
  stop(): Promise<void>
  progress(): MoveProgress[]
  alarms(): Alarm[]
  /** The highest epoch this host's journal certifies for the VM; 0 if it was never moved here. */
  epochOf(vm: VmId): Epoch
  moveOf(vm: VmId): MoveId | undefined
}

export interface MoveHooks {
  /** Progress, alarms or epochs changed: report soon. */
  changed(): void
  /** A certificate of a move, for the coordinator. Sent while connected, else dropped: standings carry them, too. */
  certificate(certificate: Certificate): void
}

/** An agent that only looks. */
export function noMoves(): MoveService {
  const refuse = (): Promise<never> =>
    Promise.reject(new HeliotropeError('unavailable', 'this agent carries no movers'))
  return {
    handlers: {
      'move.prepare-target': refuse,
      'move.start-source': refuse,
      'move.abort': refuse,
      'move.standing': ({ move }) =>
        Promise.resolve({ move, known: false, record: '', closed: false, certificates: [] }),
    },
    start: async () => {},
    stop: async () => {},
    progress: () => [],
    alarms: () => [],
    epochOf: () => 0,
    moveOf: () => undefined,
  }
}
