/** What a fault is done to: the fleet of a run, as fault-kinds.ts needs it. */
import type { HostId, JournalFault, Ms, VmId } from '@heliotrope/shared'
import type { Network } from '../net/network.js'
import type { SourceXlFaults } from '../xl/source-xl.js'
import type { TargetXlFaults } from '../xl/target-xl.js'
import type { CoordinatorNode } from './coordinator-node.js'
import type { FaultWorld } from './fault-world.js'
import type { HostNode } from './host-node.js'
import type { PeerWires } from './peer-wire.js'
import type { UplinkWire } from './uplink-wire.js'
import type { Watch } from './watch.js'
import type { Fate } from './wire.js'

export interface FaultyFleet {
  readonly vm: VmId
  readonly world: FaultWorld
  readonly network: Network
  readonly watch: Watch
  readonly hosts: ReadonlyMap<HostId, HostNode>
  readonly coordinator: CoordinatorNode
  readonly uplinks: ReadonlyMap<HostId, UplinkWire>
  readonly peers: PeerWires
  /** What the next message meets. */
  fate: Fate | 'stale' | undefined
  /** Journals that fail: all appends, or the next one only. */
  readonly journalFaults: Map<string, { fault: JournalFault; once: boolean }>
  /** Hosts whose management controller does not answer. */
  readonly mute: Set<HostId>
  /** For the next xl. */
  xlFaults: SourceXlFaults & TargetXlFaults
  readonly tell: (line: string) => void
  host(id: HostId): HostNode
  /** Undoes a fault later; until then the run is not over. */
  heal(afterMs: Ms, undo: () => void): void
  /** @returns false if it does not run */
  killCoordinator(awayMs: Ms): boolean
  /** A suspended domain on this host would be taken for our own work. */
  mayBeOurs(id: HostId): boolean
  /** The hostile host sends what it can make up of the moves that are open. @returns false if there is none */
  forge(): boolean
  /** @returns false if nobody can tell it, or it is off */
  standBy(id: HostId): boolean
}
