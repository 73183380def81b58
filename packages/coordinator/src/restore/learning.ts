/** Grants that this coordinator has signed and does not know any more, learnt from who holds them; in the journal, `learnt/VM`. */
import type { HeldStatement, HostId, Journal, VmId } from '@heliotrope/shared'
import type { Epochs } from '../saga/epochs.js'
import { readBoot } from '../saga/boot-records.js'
import { readMove } from '../saga/records.js'
import type { VmNoteChange } from '../state/fleet.js'
import { whatItProves } from './what-it-proves.js'
import type { Learnt } from './what-it-proves.js'

export interface LearningPorts {
  journal: Journal
  epochs: Epochs
  note: (vm: VmId, change: VmNoteChange) => void
  /** Fingerprints of the keys with which we have ever signed. */
  trusted: () => readonly string[]
}

/** Body of LEARNT. */
interface LearntBody {
  by: HostId
  held: HeldStatement
}

const PREFIX = 'learnt/'

export class Learning {
  readonly #ports: LearningPorts
  readonly #parties = new Map<VmId, Set<HostId>>()
  /** What was learnt, so that the same is no news. */
  readonly #known = new Set<string>()

  constructor(ports: LearningPorts) {
    this.#ports = ports
  }

  /** Reads the journal. @throws journal-failed */
  start(): void {
    const { journal } = this.#ports
    for (const stream of journal.streams(PREFIX, 'all'))
      for (const { body } of journal.read(stream)) {
        const { by, held } = body as LearntBody
        for (const learnt of this.#news(by, held)) this.#apply(learnt)
      }
  }

  /** @returns what was not known before; empty for what proves nothing, or nothing new @throws journal-failed */
  learn(by: HostId, held: HeldStatement): Learnt[] {
    const news = this.#news(by, held)
    if (news.length > 0)
      this.#ports.journal.append(PREFIX + held.vm, 'LEARNT', { by, held } satisfies LearntBody)
    for (const learnt of news) this.#apply(learnt)
    return news
  }

  /** Hosts that took part in what was learnt of the VM. */
  partiesOf(vm: VmId): HostId[] {
    return [...(this.#parties.get(vm) ?? [])]
  }

  #news(by: HostId, held: HeldStatement): Learnt[] {
    const { journal, trusted } = this.#ports
    return whatItProves(held, by, trusted()).filter(
      learnt =>
        !this.#known.has(nameOf(learnt)) &&
        (learnt.move === undefined || readMove(journal, learnt.move) === undefined) &&
        (learnt.boot === undefined || readBoot(journal, learnt.boot) === undefined),
    )
  }

  #apply(learnt: Learnt): void {
    const { epochs, note } = this.#ports
    const { at, epoch, parties, proven, vm } = learnt
    this.#known.add(nameOf(learnt))
    epochs.granted(vm, epoch, at)
    for (const one of proven) note(vm, one)
    const known = this.#parties.get(vm) ?? new Set()
    for (const host of parties) known.add(host)
    this.#parties.set(vm, known)
  }
}

/** The other side may know how it ended. */
const nameOf = ({ boot, move, proven, vm }: Learnt): string =>
  `${vm} ${move ?? boot} ${proven.at(-1)?.epoch} ${proven.length}`
