/** Grants that this coordinator has signed and does not know any more, learnt from who holds them; in the journal, `learnt/VM`. */
import type { Epoch, HeldStatement, HostId, Journal, VmId } from '@heliotrope/shared'
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
  /** The highest epoch that is certified; -1 where none is. */
  certified: (vm: VmId) => Epoch
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

  /**
   * Takes what it proves, if that is more than is certified.
   * @returns of it what our journal does not know that we granted @throws journal-failed
   */
  learn(by: HostId, held: HeldStatement): Learnt[] {
    const { certified, journal } = this.#ports
    const more = this.#news(by, held).filter(
      one => !this.#granted(one) || (one.proven.at(-1)?.epoch ?? -1) > certified(held.vm),
    )
    if (more.length > 0) journal.append(PREFIX + held.vm, 'LEARNT', { by, held } satisfies LearntBody)
    for (const learnt of more) this.#apply(learnt)
    return more.filter(one => !this.#granted(one))
  }

  /** Hosts that took part in what was learnt of the VM. */
  partiesOf(vm: VmId): HostId[] {
    return [...(this.#parties.get(vm) ?? [])]
  }

  #news(by: HostId, held: HeldStatement): Learnt[] {
    return whatItProves(held, by, this.#ports.trusted()).filter(one => !this.#known.has(nameOf(one)))
  }

  /** Our journal knows that we did. */
  #granted({ boot, move }: Learnt): boolean {
    const { journal } = this.#ports
    if (move !== undefined) return readMove(journal, move) !== undefined
    return boot !== undefined && readBoot(journal, boot) !== undefined
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
