/** What the coordinator itself knows, beside what hosts report. */
import type { Epoch, HostId, MoveId, Ms } from '@heliotrope/shared'
import type { PowerState } from '../power/machine.js'

/** What the coordinator itself knows of a VM; reports cannot change it. */
export interface VmNote {
  /** Highest epoch that one of our moves certified. */
  epoch: Epoch
  /** The host that owns it at that epoch. */
  owner?: HostId | undefined
  busy?: MoveId | undefined
  /** The last one that ended: a report from before it was closed says otherwise for some seconds. */
  endedMove?: MoveId | undefined
  /** Where that move takes it. */
  movingTo?: HostId | undefined
  lastMovedAt?: Ms | undefined
  lastTriedAt?: Ms | undefined
  /** When somebody else moved it, in words with where. */
  foreign?: { at: Ms; text: string } | undefined
  pinned: boolean
}

/** What the coordinator itself knows of a host. */
export interface HostNote {
  power: PowerState
  drained?: boolean
}
