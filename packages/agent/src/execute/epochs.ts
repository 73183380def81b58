/**
 * What this host's journal certifies about each VM: the highest epoch, and how the guest wants to end. Read once, then
 * followed: movers append to the same journal from processes of their own.
 */
import type { Epoch, Journal, JournalRecord, OnEnd, VmConfig, VmId } from '@heliotrope/shared'
import type { RecordBody } from '../mover/records.js'

export interface VmRecord {
  epoch: Epoch
  /** The VM was brought here by a move: xl's own monitor was told to preserve, the agent carries these out. */
  onEnd?: { onPoweroff: OnEnd; onReboot: OnEnd; onCrash: OnEnd }
}

export class EpochIndex {
  readonly #journal: Journal
  readonly #vms = new Map<VmId, VmRecord>()
  /** Stream to the VM and epoch of its Grant. */
  readonly #grants = new Map<string, { vm: VmId; epoch: Epoch; config: VmConfig }>()
  #next = 1

  constructor(journal: Journal) {
    this.#journal = journal
  }

  of(vm: VmId): VmRecord {
    this.#follow()
    return this.#vms.get(vm) ?? { epoch: 0 }
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
      this.#grants.set(stream, { vm: grant.vm, epoch: grant.epoch, config: grant.config })
      if (stream.startsWith('source/')) this.#raise(grant.vm, grant.epoch)
    }
    const grant = this.#grants.get(stream)
    if (!grant) return
    if (kind === 'RECLAIM') this.#raise(grant.vm, grant.epoch + 2)
    else if (kind === 'RUNNING') {
      const { onPoweroff, onReboot, onCrash } = grant.config
      this.#raise(grant.vm, Number(epoch), { onPoweroff, onReboot, onCrash })
    }
  }

  #raise(vm: VmId, epoch: Epoch, onEnd?: VmRecord['onEnd']): void {
    const known = this.#vms.get(vm)
    if (known && known.epoch > epoch) return
    const ends = onEnd ?? known?.onEnd
    this.#vms.set(vm, ends ? { epoch, onEnd: ends } : { epoch })
  }
}
