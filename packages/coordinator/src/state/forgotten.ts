/**
 * Whose bare words about VMs count for nothing any more: of hosts that were revoked, and of those that an admin had forgotten;
 * and of which VM an admin has said that it does not run on a host, whatever that host said last. In the journal, by the key
 * of the host: one that joins anew begins anew.
 */
import type { BootEvidence, Clock, Epoch, HostId, Journal, Ms, VmId } from '@heliotrope/shared'
import type { Enrolment } from '../store/enrolment.js'
import type { Evidence } from './evidence.js'
import type { HostRecord } from './host-record.js'

export interface ForgottenPorts {
  clock: Clock
  journal: Journal
  enrolment: Pick<Enrolment, 'find' | 'isRevoked'>
  evidence: Pick<Evidence, 'ownedAt'>
  /** Where an open move or boot of ours takes the VM. */
  movingTo: (vm: VmId) => HostId | undefined
}

/** FORGOTTEN in `claims/HOST`. */
interface Forgot {
  key: string
  /** Absent: every VM. */
  vm?: VmId
  why: string
}

/** NOT-RUNNING in `claims/HOST`: "as of now it does not run there". */
interface Word {
  key: string
  vm: VmId
  /** The boot of the host that was last heard of. */
  bootId: string
  /** The highest epoch at which it was certified to own the VM; what it is given after that is not meant. -1: it never was. */
  owned: Epoch
  why: string
}

type Said = (Forgot | Word) & { at: Ms }

const PREFIX = 'claims/'

export class Forgotten {
  readonly #ports: ForgottenPorts
  readonly #forgot = new Map<HostId, (Forgot & { at: Ms })[]>()
  readonly #words = new Map<HostId, (Word & { at: Ms })[]>()

  constructor(ports: ForgottenPorts) {
    this.#ports = ports
  }

  /** Reads the journal. @throws journal-failed */
  start(): void {
    const { journal } = this.#ports
    for (const stream of journal.streams(PREFIX, 'all'))
      for (const { kind, body, at } of journal.read(stream))
        this.#take(stream.slice(PREFIX.length) as HostId, kind, { ...(body as Forgot | Word), at })
  }

  /** Its claims to own what it does not certifiably own are dropped, for good. @throws journal-failed */
  forget({ id, key }: Pick<HostRecord, 'id' | 'key'>, vm: VmId | undefined, why: string): void {
    this.#note(id, 'FORGOTTEN', { key, ...(vm !== undefined && { vm }), why })
  }

  /** An admin answers for it. @throws journal-failed */
  notRunning({ id, key, bootId }: Pick<HostRecord, 'id' | 'key' | 'bootId'>, vm: VmId, why: string): void {
    this.#note(id, 'NOT-RUNNING', { key, vm, bootId, owned: this.#ports.evidence.ownedAt(vm, id), why })
  }

  /** Its bare claims to own the VM count for nothing. */
  dropped({ id, key }: HostRecord, vm: VmId): boolean {
    const { enrolment } = this.#ports
    if (enrolment.isRevoked(key)) return true
    return this.#forgot.get(id)?.some(one => (one.vm ?? vm) === vm && this.#holds(id, key, one)) === true
  }

  /** The admin's word that it does not run there; undefined where there is none, or the host was given the VM since. */
  wordOf({ id, key }: Pick<HostRecord, 'id' | 'key'>, vm: VmId): BootEvidence | undefined {
    const { evidence, movingTo } = this.#ports
    const word = this.#words.get(id)?.findLast(one => one.vm === vm && this.#holds(id, key, one))
    if (!word || evidence.ownedAt(vm, id) > word.owned || movingTo(vm) === id) return undefined
    const { at, bootId, why } = word
    return { host: id, what: 'operator', bootId, text: `it does not run there: ${why}`.slice(0, 500), at }
  }

  /** It was said of the host as it is enrolled now. */
  #holds(host: HostId, key: string, said: { key: string; at: Ms }): boolean {
    const enrolled = this.#ports.enrolment.find(host)?.enrolledAt ?? 0
    return said.key === key && said.at >= enrolled
  }

  #note(host: HostId, kind: string, body: Forgot | Word): void {
    const { clock, journal } = this.#ports
    journal.append(PREFIX + host, kind, body)
    this.#take(host, kind, { ...body, at: Math.round(clock.wall()) })
  }

  #take(host: HostId, kind: string, said: Said): void {
    if (kind === 'FORGOTTEN') this.#forgot.set(host, [...(this.#forgot.get(host) ?? []), said])
    else this.#words.set(host, [...(this.#words.get(host) ?? []), said as Word & { at: Ms }])
  }
}
