/** How the agent starts a mover and asks how it is: a process in its own scope on a dom0, in-line in the simulator. */
import type { MoveId, MoveRole } from '@heliotrope/shared'
import type { SideStatus } from '../mover/side-context.js'

export interface Launcher {
  /**
   * Starts the mover of one side; its order is the ORDERED record of the side's stream.
   * @param recover without a transfer: an earlier process held xl's pipes
   */
  launch(role: MoveRole, move: MoveId, recover: boolean): Promise<void>
  /** The mover's own words; `starting` from one that has none yet; undefined if no mover of this side lives. */
  status(role: MoveRole, move: MoveId): Promise<SideStatus | 'starting' | undefined>
}
