/** Which epoch the next grant of a VM starts from. A grant at e reserves e+1 to e+3, so the next is never below e+4. */
import type { Epoch, VmId } from '@heliotrope/shared'
import { HeliotropeError, MAX_EPOCH } from '@heliotrope/shared'

/** Epochs that one grant takes. */
export const EPOCHS_PER_GRANT = 4

export class Epochs {
  readonly #lastGrant = new Map<VmId, Epoch>()

  /** Reads of an earlier grant; the order does not matter. */
  granted(vm: VmId, epoch: Epoch): void {
    this.#lastGrant.set(vm, Math.max(epoch, this.#lastGrant.get(vm) ?? -1))
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
    const last = this.#lastGrant.get(vm)
    // A certified epoch without a grant in our journal: the journal was lost. What that grant reserved is unknown, at
    // most three beyond what was certified.
    const next =
      last === undefined
        ? owner === 0
          ? 0
          : owner + EPOCHS_PER_GRANT
        : Math.max(owner, last + EPOCHS_PER_GRANT)
    if (next > MAX_EPOCH - 8) throw new HeliotropeError('refused', `no epochs are left for VM ${vm}`)
    return next
  }
}
