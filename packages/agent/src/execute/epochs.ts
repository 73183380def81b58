/** The highest epoch of each VM that this host's journal certifies. */
import type { BootGrant, Epoch, Journal, JournalRecord, VmId } from '@heliotrope/shared'
import type { RecordBody } from '../mover/records.js'
import { JournalFollower } from './journal-follower.js'

export class EpochIndex {
  readonly #journal: JournalFollower
  readonly #epochs = new Map<VmId, Epoch>()
  /** Stream to the VM and epoch of its Grant. */
  readonly #grants = new Map<string, { vm: VmId; epoch: Epoch }>()
  /** Stream by which this host came to its highest epoch. */
  readonly #by = new Map<VmId, string>()
  /** By stream: what was yielded to, unless the VM then turned out to run here, or that was lifted. */
  readonly #yielded = new Map<VmId, Map<string, Epoch>>()

  constructor(journal: Journal) {
    this.#journal = new JournalFollower(journal, record => this.#take(record))
  }

  /** Below this a grant is void here: what was yielded to counts, too. */
  floor(vm: VmId): Epoch {
    this.#journal.follow()
    return Math.max(this.#epochs.get(vm) ?? 0, ...(this.#yielded.get(vm)?.values() ?? []))
  }

  /** 0 for a VM that was never part of a move here. */
  of(vm: VmId): Epoch {
    this.#journal.follow()
    return this.#epochs.get(vm) ?? 0
  }

  /** The journal's stream that holds what certifies `of`; undefined where nothing does. */
  provedIn(vm: VmId): string | undefined {
    this.#journal.follow()
    return this.#by.get(vm)
  }

  /** Of all VMs, by uuid. */
  proofs(): [VmId, string][] {
    this.#journal.follow()
    return [...this.#by].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  #take({ stream, kind, body }: JournalRecord): void {
    if (stream.startsWith('yield/')) return this.#yields(stream, kind, body as { vm: VmId; epoch: Epoch })
    if (stream.startsWith('boot/') && kind === 'BOOT') {
      const { vm, epoch } = (body as { grant: BootGrant }).grant.body
      return this.#raise(vm, epoch, stream)
    }
    if (!/^(source|target)\//.test(stream)) return
    const { order, epoch } = body as RecordBody
    if (order) {
      const grant = order.grant.body
      this.#grants.set(stream, { vm: grant.vm, epoch: grant.epoch })
      if (stream.startsWith('source/')) this.#raise(grant.vm, grant.epoch, stream)
    }
    const grant = this.#grants.get(stream)
    if (!grant) return
    if (kind === 'RECLAIM') this.#raise(grant.vm, grant.epoch + 2, stream)
    else if (kind === 'RUNNING') this.#raise(grant.vm, Number(epoch), stream)
    // The stream is sealed: nothing more comes of it.
    else if (kind === 'CLOSED') this.#grants.delete(stream)
  }

  #yields(stream: string, kind: string, { vm, epoch }: { vm: VmId; epoch: Epoch }): void {
    const of = this.#yielded.get(vm) ?? new Map<string, Epoch>()
    this.#yielded.set(vm, of)
    if (kind === 'YIELD') of.set(stream, epoch)
    else of.delete(stream)
  }

  #raise(vm: VmId, epoch: Epoch, stream: string): void {
    if (epoch >= (this.#epochs.get(vm) ?? 0)) this.#by.set(vm, stream)
    this.#epochs.set(vm, Math.max(epoch, this.#epochs.get(vm) ?? 0))
  }
}
