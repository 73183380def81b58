/**
 * Sees moves that are not ours: a VM that turns up on another host without a saga, or whose copies show that somebody
 * else is moving it now. Such a VM is left alone for a while, and the audit says so.
 */
import type { HostId, Ms, VmId } from '@heliotrope/shared'
import type { Whereabouts } from './owners.js'
import { baseName } from './owners.js'

export interface ForeignMove {
  vm: VmId
  name: string
  from: HostId
  to: HostId
  at: Ms
}

/** What our own moves explain of a VM's place. */
export interface OwnMove {
  /** One of our moves is open. */
  busy: boolean
  /** Where our last move, ended or not, took it or would have. */
  movingTo?: HostId | undefined
}

interface Known {
  host: HostId
  /** Seen elsewhere since; undefined while it is where it was. */
  elsewhere?: { host: HostId; since: Ms }
}

/** After a reconnect an agent first sends what it kept while offline, which may be older than the VM's last move. */
const PERSISTS_MS: Ms = 10_000

export class ForeignMoves {
  readonly #known = new Map<VmId, Known>()

  /** Where a VM was when this process was last sure of it. */
  remember(vm: VmId, host: HostId): void {
    this.#known.set(vm, { host })
  }

  /**
   * To be called after each important change, and again until nothing is pending.
   * @param now of a clock that never goes back
   * @returns moves that are certain now, each once; and whether to look again after `PERSISTS_MS`
   */
  look(
    places: ReadonlyMap<VmId, Whereabouts>,
    ownMove: (vm: VmId) => OwnMove,
    now: Ms,
  ): { moves: ForeignMove[]; again?: Ms } {
    const moves: ForeignMove[] = []
    let pending = false
    for (const [vm, { owner }] of places) {
      const host = owner.host.id
      const known = this.#known.get(vm)
      const own = ownMove(vm)
      if (known === undefined || own.busy || own.movingTo === host) {
        this.#known.set(vm, { host })
        continue
      }
      if (known.host === host) {
        if (known.elsewhere) this.#known.set(vm, { host })
        continue
      }
      const since = known.elsewhere?.host === host ? known.elsewhere.since : now
      if (now - since < PERSISTS_MS) {
        this.#known.set(vm, { host: known.host, elsewhere: { host, since } })
        pending = true
        continue
      }
      this.#known.set(vm, { host })
      moves.push({ vm, name: baseName(owner.domain.name), from: known.host, to: host, at: now })
    }
    return { moves, ...(pending && { again: PERSISTS_MS }) }
  }
}
