/**
 * The storage as the arbiter of one move: both sides register a key, and whoever evicts the other's first has the disk. A VM
 * with several disks is decided at its first one; the rest follow it.
 */
import { errorChain, hashOf } from '@heliotrope/shared'
import type { Disk, Epoch, GrantBody, HostId, Log, MoveRole } from '@heliotrope/shared'
import type { Fence, FenceKey, FenceKind, Storage } from '../ports.js'

/** The key of a host at an epoch of a VM: never the same for two hosts, or in two moves. */
export const fenceKey = (vm: string, host: HostId, epoch: Epoch): FenceKey =>
  // The first digit is fixed: no key is 0, which stands for none.
  `8${hashOf({ vm, host, epoch }).slice(0, 15)}`

/** How the storage stands to this side. `none`: there is no arbiter. `unseen`: not tried yet. */
export type StorageStands = 'none' | 'unseen' | 'ours' | 'lost'

export class MoveFence {
  readonly #fence: Fence | undefined
  readonly #disks: readonly Disk[]
  readonly #own: FenceKey
  readonly #other: FenceKey
  /** The key after the second handing over, or after taking it back. */
  readonly #again: FenceKey
  readonly #log: Log

  constructor(storage: Storage, { vm, config, epoch, from, to }: GrantBody, role: MoveRole, log: Log) {
    const source = fenceKey(vm, from.host, epoch)
    const target = fenceKey(vm, to.host, epoch + 1)
    this.#fence = storage.fence
    // A disk that is only read may be another VM's, too.
    this.#disks = config.disks.filter(disk => !disk.readonly)
    this.#own = role === 'source' ? source : target
    this.#other = role === 'source' ? target : source
    this.#again = role === 'source' ? fenceKey(vm, from.host, epoch + 2) : fenceKey(vm, to.host, epoch + 3)
    this.#log = log
  }

  /** Step 1, once: a key that is missing later is never registered again. */
  async prepareTarget(): Promise<FenceKind> {
    const kind = await this.#kind()
    if (kind === 'none') return kind
    try {
      for (const disk of this.#disks) await this.#fence!.register(disk, this.#own)
    } catch (error) {
      for (const disk of this.#disks) await this.#fence!.release(disk)
      throw error
    }
    return kind
  }

  /** Step 2. Without a target that takes part a fence would keep it out: what an earlier move left is given up. */
  async prepareSource(): Promise<FenceKind> {
    const fence = this.#fence
    const kind = await this.#kind()
    if (!fence || kind === 'none') return 'none'
    for (const disk of this.#disks)
      if (kind === 'pr' && !(await fence.holds(disk, this.#other))) {
        for (const each of this.#disks) await fence.release(each)
        return 'none'
      }
    for (const disk of this.#disks) await fence.reserve(disk, this.#own)
    return kind
  }

  /** The target before ACCEPT, the source past COMMIT: evicts the other side, if it has not evicted us. */
  async takeOver(): Promise<StorageStands> {
    for (const disk of this.#disks)
      if (!(await this.#fence!.takeOver(disk, this.#own, this.#other))) return 'lost'
    return 'ours'
  }

  /** A source with Refuse or Return in hand, a target with the second Release. @throws as long as it is not done */
  async takeBack(): Promise<StorageStands> {
    for (const disk of this.#disks) await this.#fence!.takeBack(disk, this.#again)
    return 'ours'
  }

  async holds(): Promise<boolean> {
    for (const disk of this.#disks) if (!(await this.#fence!.holds(disk, this.#own))) return false
    return true
  }

  /** The target runs the VM: from here on nobody else writes. A source that took no part had reserved nothing. */
  async keep(): Promise<void> {
    try {
      for (const disk of this.#disks) await this.#fence!.reserve(disk, this.#own)
    } catch (error) {
      this.#log.warn('the storage could not be kept for this host', { error: errorChain(error) })
    }
  }

  /** One for all disks: what guards only some of them decides nothing. */
  async #kind(): Promise<FenceKind> {
    const kinds = new Set<FenceKind>()
    for (const disk of this.#disks) kinds.add((await this.#fence?.kind(disk)) ?? 'none')
    const [kind = 'none'] = kinds
    return kinds.size === 1 ? kind : 'none'
  }
}
