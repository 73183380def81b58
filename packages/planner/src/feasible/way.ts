/** How a VM would be moved: live where it can be, else by save, carry and restore where the operator allows it. */
import type { MoveKind, VmState } from '@heliotrope/shared'

type Movable = Pick<VmState, 'liveBlockers' | 'regularBlockers' | 'regularAllowed'>

export const wayOf = (vm: Movable): MoveKind =>
  vm.liveBlockers.length > 0 && vm.regularAllowed === true ? 'regular' : 'live'

/** As one that may only be saved and restored, for a regular move that was ordered by hand. */
export const asRegular = (vm: VmState): VmState => ({
  ...vm,
  regularAllowed: true,
  liveBlockers: [...vm.liveBlockers, 'a regular move was ordered'],
})

/** Why it cannot go that way, in words for people; undefined if it can. */
export function wayBlocked(vm: Movable & Pick<VmState, 'name'>): string | undefined {
  const regular = wayOf(vm) === 'regular'
  const blockers = regular ? vm.regularBlockers : vm.liveBlockers
  if (blockers.length === 0) return undefined
  const why = `${vm.name} cannot move ${regular ? 'even by save and restore' : 'live'}: ${blockers.join('; ')}`
  if (regular || vm.regularBlockers.length > 0) return why
  return `${why}. Allow regular moves, in which it stands still (regular_vms in the config, or migrate --regular), or leave it where it is`
}
