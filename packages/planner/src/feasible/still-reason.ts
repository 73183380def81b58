/** How long a VM would stand still in its move, and whether that is too long. */
import type { Ms } from '@heliotrope/shared'
import type { FleetView, VmWork } from '../need/fleet-view.js'
import type { Reason } from '../types.js'
import { wayOf } from './way.js'

/** A regular move is one long pause: as long as its copy takes, by its earlier moves or by memory and transfer rate. */
export const stillMs = ({ state, cost }: VmWork): Ms => (wayOf(state) === 'regular' ? cost.durationMs : 0)

export function stillReason({ policy }: FleetView, vm: VmWork): Reason | undefined {
  const still = stillMs(vm)
  if (still <= policy.maxStillMs) return undefined
  return {
    code: 'still-too-long',
    text: `${vm.state.name} would stand still for about ${seconds(still)}, ${seconds(policy.maxStillMs)} are allowed (moves.still_s)`,
  }
}

export const seconds = (ms: Ms): string => `${Math.max(1, Math.round(ms / 1000))} s`
