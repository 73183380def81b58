/**
 * The highest epoch of each VM that this host's journal certifies. Read once, then followed: movers append to the same
 * journal from processes of their own.
 */
import type { Epoch, Journal, JournalRecord, VmId } from '@heliotrope/shared'
import type { RecordBody } from '../mover/records.js'

export class EpochIndex {
  readonly #journal: Journal
  readonly #epochs = new Map<VmId, Epoch>()
  /** Stream to the VM and epoch of its Grant. */
  readonly #grants = new Map<string, { vm: VmId; epoch: Epoch }>()
  #next = 1

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** 0 for a VM that was never part of a move here. */
  of(vm: VmId): Epoch {
    this.#follow()
    return this.#epochs.get(vm) ?? 0
  }

  #follow(): void {
    for (;;) {
      const records = this.#journal.scan(this.#next, 500)
      records.forEach(record => this.#take(record))
      this.#next += records.length
      if (records.length < 500) return
    }
  }

  #take({ stream, kind, body }: JournalRecord): void {
    if (!/^(source|target)\//.test(stream)) return
    const { order, epoch } = body as RecordBody
    if (order) {
      const grant = order.grant.body
      this.#grants.set(stream, { vm: grant.vm, epoch: grant.epoch })
      if (stream.startsWith('source/')) this.#raise(grant.vm, grant.epoch)
    }
    const grant = this.#grants.get(stream)
    if (!grant) return
    if (kind === 'RECLAIM') this.#raise(grant.vm, grant.epoch + 2)
    else if (kind === 'RUNNING') this.#raise(grant.vm, Number(epoch))
    // The stream is sealed: nothing more comes of it.
    else if (kind === 'CLOSED') this.#grants.delete(stream)
  }

  #raise(vm: VmId, epoch: Epoch): void {
    this.#epochs.set(vm, Math.max(epoch, this.#epochs.get(vm) ?? 0))
  }
}
