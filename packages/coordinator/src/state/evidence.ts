/**
 * Which epoch of a VM is certified, for whom, by what; and who has given it up. Filled from what ended moves and boots prove:
 * the right to run a VM passes only by the word of whoever gives it up, or by evidence that he was off. What a host says of
 * itself adds nothing here. The rules: model/claims.pml.
 */
import type { Epoch, HostId, VmId } from '@heliotrope/shared'

export interface Certified {
  epoch: Epoch
  owner: HostId
  /** What certifies it, in words: `move ID`, `boot ID`. */
  by: string
}

/** What a move or boot that ended has proven. */
export interface Proven extends Certified {
  /** All that they had of it below that epoch is void. */
  gaveUp: readonly HostId[]
  /** The owner itself gave it up, and who has it since is not known. */
  released?: true
}

interface Known {
  certified: Certified
  /** The highest epoch at which each host was certified. */
  owned: Map<HostId, Epoch>
  /** Below these all is void at each host. */
  below: Map<HostId, Epoch>
}

/** `owner`: certified. `gave-up`: it has given it up since it owned it. `bare`: nothing certifies what it says. */
export type Standing = 'owner' | 'gave-up' | 'bare'

export class Evidence {
  readonly #known = new Map<VmId, Known>()

  /** In whatever order it becomes known: a journal lists its moves by id. */
  prove(vm: VmId, { epoch, owner, by, gaveUp, released }: Proven): void {
    const known = this.#known.get(vm) ?? {
      certified: { epoch: -1, owner, by },
      owned: new Map(),
      below: new Map(),
    }
    if (epoch >= known.certified.epoch) known.certified = { epoch, owner, by }
    raise(known.owned, owner, epoch)
    for (const host of gaveUp) raise(known.below, host, released ? epoch + 1 : epoch)
    this.#known.set(vm, known)
  }

  certified(vm: VmId): Certified | undefined {
    return this.#known.get(vm)?.certified
  }

  /** The highest epoch at which the host was certified to own the VM; -1: it never was. */
  ownedAt(vm: VmId, host: HostId): Epoch {
    return this.#known.get(vm)?.owned.get(host) ?? -1
  }

  standing(vm: VmId, host: HostId): Standing {
    const known = this.#known.get(vm)
    if (!known) return 'bare'
    if ((known.below.get(host) ?? -1) > this.ownedAt(vm, host)) return 'gave-up'
    return known.certified.owner === host ? 'owner' : 'bare'
  }
}

function raise(of: Map<HostId, Epoch>, host: HostId, epoch: Epoch): void {
  of.set(host, Math.max(epoch, of.get(host) ?? -1))
}
