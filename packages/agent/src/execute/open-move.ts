import type { Epoch, MoveId, MoveRole, VmId } from '@heliotrope/shared'

/** A move that this host's journal has not closed. */
export interface OpenMove {
  role: MoveRole
  move: MoveId
  vm: VmId
  epoch: Epoch
  /** It may still touch the VM; one that only waits for its peer does not. */
  holdsVm: boolean
}
