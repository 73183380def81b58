/** What people ask of moves: which are under way; to accept those of a plan, to move one VM, to have none moved. */
import { z } from 'zod'
import { HeliotropeError, moveIdSchema } from '@heliotrope/shared'
import type { Clock, HostId, MoveId, Ms, ReasonStep, Snapshot, VmId, VmState } from '@heliotrope/shared'
import { asRegular } from '@heliotrope/planner'
import type { Reason } from '@heliotrope/planner'
import type { Reconciler } from '../reconcile/reconcile.js'
import type { Sagas } from '../saga/sagas.js'
import type { Fleet } from '../state/fleet.js'
import type { Audit } from '../store/audit.js'
import type { FleetMemory } from '../store/memory-of-fleet.js'
import { by, none, why, word } from './argument-schemas.js'
import { findHost, findVm, unknown } from './lookup.js'
import { moveView } from './views.js'
import type { MoveView } from './views.js'

export interface MoveCallPorts {
  clock: Clock
  fleet: Fleet
  sagas: Sagas
  reconciler: Reconciler
  audit: Audit
  memory: FleetMemory
  paused: () => boolean
  /** Hard constraints that stand against a move by hand. */
  checkMove: (snapshot: Snapshot, vm: VmId, to: HostId) => Reason[]
  /** How long it is expected to stand still if it is moved; undefined if it moves live. */
  stillMs: (vm: VmState) => Ms | undefined
}

export const moveCallSchemas = {
  moves: none,
  move: z.object({ move: moveIdSchema }),
  accept: z.object({
    plan: z.number().int().min(1).optional(),
    move: z.number().int().min(1).optional(),
    by,
  }),
  migrate: z.object({ vm: word, host: word, regular: z.boolean().optional(), reason: why, by }),
  pin: z.object({ vm: word, pinned: z.boolean(), by }),
} as const

type Args<C extends keyof typeof moveCallSchemas> = z.output<(typeof moveCallSchemas)[C]>

const progressOf = (fleet: Fleet) => fleet.hosts().flatMap(host => host.moves)

export const openMoves = ({ fleet, sagas }: Pick<MoveCallPorts, 'fleet' | 'sagas'>): MoveView[] =>
  sagas.open().map(state => moveView(state, progressOf(fleet)))

export function moveCalls(ports: MoveCallPorts) {
  const { clock, fleet, sagas, reconciler, audit, memory } = ports
  const now = (): Ms => Math.round(clock.wall())
  const reasons = (who: string, text: string): ReasonStep[] => [{ by: who, why: text, at: now() }]

  return {
    moves: () => openMoves(ports),
    move({ move }: Args<'move'>): MoveView {
      const state =
        sagas.state(move) ??
        unknown(
          'move',
          move,
          sagas.open().map(open => open.move),
        )
      return moveView(state, progressOf(fleet))
    },
    accept: ({ plan, move, by: who }: Args<'accept'>) => ({
      started: reconciler.accept(who, plan, move).map(({ move: id, planned }) => ({
        move: id,
        vm: planned.vm,
        name: planned.name,
        from: planned.from,
        to: planned.to,
      })),
    }),
    migrate({ vm: name, host, regular = false, reason, by: who }: Args<'migrate'>): {
      move: MoveId
      name: string
      from: HostId
      to: HostId
      stillMs?: Ms
    } {
      const before = fleet.snapshot()
      const found = findVm(before, name)
      const vm = regular ? asRegular(found) : found
      const snapshot = { ...before, vms: before.vms.map(one => (one === found ? vm : one)) }
      const target = findHost(snapshot, host)
      if (ports.paused())
        throw new HeliotropeError('refused', 'acting is paused', { remedy: 'run: heliotrope resume' })
      if (!vm.busy && vm.host !== target.id) {
        const against = ports.checkMove(snapshot, vm.uuid, target.id)
        if (against.length > 0)
          throw new HeliotropeError(
            'refused',
            `${vm.name} cannot move to ${target.id}: ${against.map(({ text }) => text).join('; ')}`,
          )
      }
      const move = sagas.request({
        vm: vm.uuid,
        to: target.id,
        reason: reasons(who, reason ?? 'migrate by hand'),
        regular,
      })
      const still = ports.stillMs(vm)
      const standing = still === undefined ? {} : { stillMs: still }
      return { move, name: vm.name, from: vm.host, to: target.id, ...standing }
    },
    async pin({ vm: name, pinned, by: who }: Args<'pin'>) {
      const vm = findVm(fleet.snapshot(), name)
      if (!pinned && fleet.pinnedByConfig(vm))
        throw new HeliotropeError('refused', `${vm.name} is pinned by the config of the coordinator`, {
          remedy: 'take it out of pinned_vms and start the coordinator anew',
        })
      await audit.record(
        { what: 'vm.pin', subject: vm.uuid, reason: reasons(who, pinned ? 'pin' : 'unpin') },
        () => {
          memory.setPinned(vm.uuid, pinned, now())
          fleet.note(vm.uuid, { pinned })
        },
      )
      return { vm: vm.uuid, name: vm.name, pinned }
    },
  }
}
