/** Writes down each move that was not ours: an audit record, and a note that keeps the planner off the VM for a while. */
import { errorChain, iso } from '@heliotrope/shared'
import type { Cancel, Clock, HostId, Log, VmId } from '@heliotrope/shared'
import type { MoveState } from '../saga/records.js'
import type { Audit } from '../store/audit.js'
import type { ForeignMoveRow, ForeignMoveStore } from '../store/foreign-moves.js'
import type { Fleet } from './fleet.js'
import { ForeignMoves } from './foreign-moves.js'

export interface ForeignWatchPorts {
  clock: Clock
  log: Log
  fleet: Fleet
  audit: Audit
  store: ForeignMoveStore
}

export class ForeignWatch {
  readonly #ports: ForeignWatchPorts
  readonly #moves = new ForeignMoves()
  /** Where our own last move left a VM; reports of that may still be on their way. */
  readonly #left = new Map<VmId, HostId>()
  #again: Cancel = () => {}

  constructor(ports: ForeignWatchPorts) {
    this.#ports = ports
  }

  /** To be called when the fleet holds what was stored, before anybody reports: what has changed since shows. */
  start(): void {
    const { fleet, store } = this.#ports
    for (const row of store.all()) this.#note(row)
    for (const [vm, { owner }] of fleet.places()) this.#moves.remember(vm, owner.host.id)
  }

  stop(): void {
    this.#again()
  }

  ownMoveEnded({ requested, done }: MoveState): void {
    this.broughtBy(requested.vm, done?.outcome === 'moved' ? requested.to : requested.from)
  }

  /** Where an act of ours has left a VM. */
  broughtBy(vm: VmId, host: HostId): void {
    this.#left.set(vm, host)
  }

  /** To be called after each important change of the fleet. */
  look(): void {
    const { fleet, clock, audit, store, log } = this.#ports
    this.#again()
    const places = fleet.places()
    const ownMove = (vm: VmId) => ({
      busy: fleet.noteOf(vm).busy !== undefined || places.get(vm)?.owner.domain.move !== undefined,
      movingTo: this.#left.get(vm),
    })
    const { moves, again } = this.#moves.look(places, ownMove, clock.mono())
    const at = Math.round(clock.wall())
    for (const { vm, name, from, to } of moves)
      try {
        log.warn('a move that is not ours', { vm: name, from, to })
        const why = `${name} was on ${from} and is on ${to}, without a move of ours`
        const act = {
          what: 'vm.foreign-move',
          subject: vm,
          reason: [{ by: 'unknown', why, at }],
          details: { name, from, to },
        }
        audit.finish(audit.begin(act), 'done', 'seen in the reports')
        store.keep({ vm, from, to, at })
        this.#left.delete(vm)
        this.#note({ vm, from, to, at })
      } catch (error) {
        log.error('a move that is not ours cannot be written down', { vm: name, error: errorChain(error) })
      }
    if (again !== undefined) this.#again = clock.after(again, () => this.look())
  }

  #note({ vm, from, to, at }: ForeignMoveRow): void {
    const text = `somebody else moved it from ${from} to ${to}, noticed ${iso(at)}`
    this.#ports.fleet.note(vm, { foreign: { at, text } })
  }
}
