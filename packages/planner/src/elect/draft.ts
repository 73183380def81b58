/** The moves of a plan while it is being made: taken up and taken back, each host that they empty as one group. */
import type { VmId } from '@heliotrope/shared'
import { shift, unshift } from '../need/fleet-view.js'
import type { HostWork, VmWork } from '../need/fleet-view.js'
import type { Reason } from '../types.js'

export interface DraftMove {
  vm: VmWork
  from: HostWork
  to: HostWork
  why: 'drain' | 'empty' | 'alone'
  /** Saved on the plan's forecast by this move alone, its own cost taken off; of `alone` only. */
  gain?: { grams: number; gridWh: number; nowW: number; confidence: number; until?: number }
}

export class Draft {
  readonly moves: DraftMove[] = []
  /** Moves that single VMs are expected to make later, gCO2eq. */
  laterGrams = 0
  /** Why a VM that was to move could not. */
  readonly failed = new Map<VmWork, { reason: Reason; to?: HostWork }>()

  move(vm: VmWork, to: HostWork, why: DraftMove['why'], gain?: DraftMove['gain']): void {
    const from = vm.on as HostWork
    shift(vm, to)
    this.moves.push({ vm, from, to, why, ...(gain && { gain }) })
  }

  /** @returns the moves taken back */
  undo(which: (move: DraftMove) => boolean): DraftMove[] {
    const gone = this.moves.filter(which)
    for (const { vm, from } of gone) unshift(vm, from)
    const left = this.moves.filter(move => !gone.includes(move))
    this.moves.splice(0, this.moves.length, ...left)
    return gone
  }

  moving(): Set<VmId> {
    return new Set(this.moves.map(move => move.vm.state.uuid))
  }
}
