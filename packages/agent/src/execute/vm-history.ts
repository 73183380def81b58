/**
 * What this host's journal holds of each VM: the newest grant that it took part in, what it has yielded to, and when it last
 * saw the VM run.
 */
import type { BootGrant, Epoch, Journal, JournalRecord, LostVm, Ms, VmConfig, VmId } from '@heliotrope/shared'
import type { RecordBody } from '../mover/records.js'
import { JournalFollower } from './journal-follower.js'
import { LIFTED } from './peer-promises.js'

/** Records of `vm/UUID`. VANISHED: it was there a moment ago, and may be rebooting. GONE: it ended while the host lived. */
export type SeenKind = 'HERE' | 'VANISHED' | 'GONE'

export interface Seen {
  kind: SeenKind
  at: Ms
  bootId: string
  /** That this host's journal certified then. */
  epoch: Epoch
  name: string
  config?: VmConfig
  /** All of it, as the hypervisor's tools read it. */
  made?: unknown
}

/** The part of this host in the newest thing that was granted about a VM. */
export interface Part {
  role: 'source' | 'target' | 'boot' | 'yield'
  /** Of the grant. */
  epoch: Epoch
  /** Last record that is neither CLEAN nor CLOSED. */
  standing: string
  /** The boot of this host in which it was begun; undefined before anything was touched. */
  bootId?: string
  /** At which this host has run it, by RUNNING. */
  ran?: Epoch
  config?: VmConfig
}

export interface VmHistory {
  part?: Part
  seen?: Seen
  /** What a cold boot here is made from: as it was last seen here, or as a move brought it. */
  made?: unknown
}

export const seenStream = (vm: VmId): string => `vm/${vm}`

export class Histories {
  readonly #journal: JournalFollower
  readonly #histories = new Map<VmId, VmHistory>()
  /** Of each stream, so that its later records find their VM. */
  readonly #parts = new Map<string, { vm: VmId; part: Part }>()

  constructor(journal: Journal) {
    this.#journal = new JournalFollower(journal, record => this.#take(record))
  }

  of(vm: VmId): VmHistory {
    this.#journal.follow()
    return this.#histories.get(vm) ?? {}
  }

  all(): ReadonlyMap<VmId, VmHistory> {
    this.#journal.follow()
    return this.#histories
  }

  #take({ stream, kind, body, at }: JournalRecord): void {
    const [prefix, name] = stream.split('/') as [string, string]
    if (prefix === 'vm') this.#see(name as VmId, { ...(body as Seen), kind: kind as SeenKind, at })
    else if (prefix === 'source' || prefix === 'target') this.#move(prefix, stream, kind, body as RecordBody)
    else if (prefix === 'boot') this.#boot(stream, kind, body)
    else if (prefix === 'yield') this.#yield(stream, kind, body)
  }

  #see(vm: VmId, seen: Seen): void {
    this.#put(vm, { seen, ...(seen.made !== undefined && { made: seen.made }) })
  }

  #move(role: 'source' | 'target', stream: string, kind: string, body: RecordBody): void {
    if (body.order) {
      const { vm, epoch, config } = body.order.grant.body
      this.#begin(stream, vm, { role, epoch, standing: kind, config })
    }
    const { part, vm } = this.#parts.get(stream) ?? {}
    if (!part || vm === undefined) return
    if (body.made !== undefined) this.#put(vm, { made: body.made })
    if (kind === 'PREPARED' && body.bootId !== undefined) part.bootId = body.bootId
    if (kind === 'RUNNING') part.ran = Number(body['epoch'])
    if (kind === 'CLOSED') this.#parts.delete(stream)
    else if (kind !== 'CLEAN') part.standing = kind
  }

  #boot(stream: string, kind: string, body: unknown): void {
    if (kind === 'BOOT') {
      const { vm, epoch, to, config } = (body as { grant: BootGrant }).grant.body
      this.#begin(stream, vm, { role: 'boot', epoch, standing: kind, bootId: to.bootId, config })
    }
    const { part } = this.#parts.get(stream) ?? {}
    if (part) part.standing = kind
  }

  #yield(stream: string, kind: string, body: unknown): void {
    const { vm, epoch } = body as { vm: VmId; epoch: Epoch }
    const before = this.#histories.get(vm)?.part
    if (kind === LIFTED) this.#lifted(vm, (body as { floor: Epoch }).floor)
    else if (kind === 'YIELD') this.#begin(stream, vm, { role: 'yield', epoch, standing: kind })
    // It runs here after all: what this host was before still holds.
    else if (before?.role === 'yield' && before.epoch === epoch) this.#restore(vm, epoch)
  }

  /** The floor that is left may be below what was yielded to. */
  #lifted(vm: VmId, floor: Epoch): void {
    if (this.#histories.get(vm)?.part?.role !== 'yield') return
    this.#put(vm, { part: { role: 'yield', epoch: floor, standing: 'YIELD' } })
  }

  #begin(stream: string, vm: VmId, part: Part): void {
    this.#parts.set(stream, { vm, part })
    const before = this.#histories.get(vm)?.part
    if (before === undefined || before.epoch <= part.epoch) this.#put(vm, { part })
  }

  #restore(vm: VmId, below: Epoch): void {
    const others = [...this.#parts.values()].filter(one => one.vm === vm && one.part.epoch < below)
    const part = others
      .map(one => one.part)
      .sort((a, b) => a.epoch - b.epoch)
      .at(-1)
    const { part: _yielded, ...rest } = this.#histories.get(vm) ?? {}
    this.#histories.set(vm, { ...(part && { part }), ...rest })
  }

  #put(vm: VmId, change: VmHistory): void {
    this.#histories.set(vm, { ...this.#histories.get(vm), ...change })
  }
}

/**
 * Whether the VM died with this host, as far as this host can tell: it was the owner, saw it run in an earlier boot, and
 * nothing says that its guest ended. Pure. The caller has looked: no domain of it is here.
 * @param bootId the present boot of this host
 */
export function lostHere(vm: VmId, { part, seen }: VmHistory, bootId: string): LostVm | undefined {
  const owned = ownedAt(part)
  if (owned === undefined) return undefined
  const config = seen?.config ?? part?.config
  const lost = (certain: boolean): LostVm => ({
    vm,
    name: seen?.name ?? config?.name ?? vm,
    epoch: owned,
    certain,
    ...(seen && { seenAt: seen.at }),
    ...(config && { config }),
  })
  if (part?.standing === 'FAILED') return lost(true)
  // What was seen tells more than the grant, if it was seen since.
  if (seen && (seen.epoch >= owned || part?.bootId === undefined)) {
    if (seen.bootId === bootId || seen.kind === 'GONE') return undefined
    return lost(seen.kind === 'HERE')
  }
  return part?.bootId !== undefined && part.bootId !== bootId ? lost(true) : undefined
}

/** The epoch at which this host owns the VM by its journal; undefined where another may. */
function ownedAt(part: Part | undefined): Epoch | undefined {
  if (part === undefined) return 0
  const { role, standing, epoch, ran } = part
  switch (role) {
    case 'source':
      if (standing === 'RECLAIM') return epoch + 2
      return ['ORDERED', 'PREPARED', 'HANDOVER', 'ABORT'].includes(standing) ? epoch : undefined
    case 'target':
      return standing === 'RUNNING' ? ran : undefined
    case 'boot':
      return epoch
    case 'yield':
      return undefined
  }
}
