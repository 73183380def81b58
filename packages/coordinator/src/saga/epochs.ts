/** Which epoch the next grant of a VM starts from. A grant at e reserves e+1 to e+3, so the next is never below e+4. */
import type { Epoch, Ms, VmId } from '@heliotrope/shared'
import { HeliotropeError, MAX_EPOCH } from '@heliotrope/shared'

/** Epochs that one grant takes. */
export const EPOCHS_PER_GRANT = 4

/** After a restore: more than one VM is granted between two backups. */
const LOST_GRANTS = 64

export class Epochs {
  readonly #lastGrant = new Map<VmId, Epoch>()
  /** When that was; undefined: by this process. */
  readonly #grantedAt = new Map<VmId, Ms | undefined>()
  #restoredAt: Ms | undefined

  /** A grant. Of an earlier one with its time; the order does not matter. */
  granted(vm: VmId, epoch: Epoch, at?: Ms): void {
    if (epoch < (this.#lastGrant.get(vm) ?? -1)) return
    this.#lastGrant.set(vm, epoch)
    this.#grantedAt.set(vm, at)
  }

  /** Our data is older than the fleet, as was found out then: grants from before it may be missing here. */
  restored(at: Ms): void {
    this.#restoredAt = at
  }

  /**
   * For a boot: above the owner's own epoch, too, even where nothing was ever granted.
   * @throws refused when the numbers are used up
   */
  above(vm: VmId, owner: Epoch): Epoch {
    return Math.max(this.next(vm, owner), owner + EPOCHS_PER_GRANT)
  }

  /** @param owner the highest epoch certified for the VM so far @throws refused when the numbers are used up */
  next(vm: VmId, owner: Epoch): Epoch {
    const last = this.#lastGrant.get(vm) ?? -EPOCHS_PER_GRANT
    // A certified epoch that none of our grants has reserved: the journal, or a part of it, was lost. What that grant reserved is
    // unknown, at most three beyond what was certified.
    const foreign = owner > 0 && owner >= last + EPOCHS_PER_GRANT
    const least = Math.max(last + EPOCHS_PER_GRANT, foreign ? owner + EPOCHS_PER_GRANT : owner)
    // The first since then: whatever was lost, it did not reach so far.
    const old = this.#restoredAt !== undefined && (this.#grantedAt.get(vm) ?? Infinity) < this.#restoredAt
    const never = this.#restoredAt !== undefined && !this.#lastGrant.has(vm)
    const next = old || never ? least + EPOCHS_PER_GRANT * LOST_GRANTS : least
    if (next > MAX_EPOCH - 8) throw new HeliotropeError('refused', `no epochs are left for VM ${vm}`)
    return next
  }
}
