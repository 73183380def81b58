/**
 * An operator frees a VM of what a host has yielded of it to another host's own start: that host is told which boots are over,
 * and judges. The floor that it keeps takes epochs like a grant, so that nothing which was handed out before counts there.
 */
import { HeliotropeError, newBootId } from '@heliotrope/shared'
import type {
  BootId,
  BootEvidence,
  BootStanding,
  Clock,
  Epoch,
  HostId,
  Journal,
  ReasonStep,
  Rng,
  VmId,
} from '@heliotrope/shared'
import type { Agents } from '../ingest/sessions.js'
import type { HostRecord } from '../state/host-record.js'
import type { VmNote } from '../state/fleet.js'
import type { Epochs } from './epochs.js'

export interface LiftsPorts {
  clock: Clock
  rng: Rng
  journal: Journal
  agents: Agents
  epochs: Epochs
  noteOf: (vm: VmId) => VmNote
  hosts: () => HostRecord[]
  fenced: (host: HostId) => BootEvidence | undefined
}

/** Body of REQUESTED in `lift/ID`. */
interface Requested {
  vm: VmId
  host: HostId
  epoch: Epoch
  boots: BootStanding[]
  reason: ReasonStep[]
}

const PREFIX = 'lift/'

export class Lifts {
  readonly #ports: LiftsPorts

  constructor(ports: LiftsPorts) {
    this.#ports = ports
  }

  /** Reads which epochs were taken. @throws journal-failed */
  start(): void {
    const { epochs, journal } = this.#ports
    for (const stream of journal.streams(PREFIX, 'all')) {
      const [first] = journal.read(stream)
      if (first) epochs.granted((first.body as Requested).vm, (first.body as Requested).epoch, first.at)
    }
  }

  /** @returns the floor that is left @throws conflict while it is moved or started; what the host answers; journal-failed */
  async lift(vm: VmId, host: HostId, reason: ReasonStep[]): Promise<{ lift: BootId; epoch: Epoch }> {
    const { agents, epochs, journal, noteOf, rng } = this.#ports
    const { busy, epoch: certified } = noteOf(vm)
    if (busy) throw new HeliotropeError('conflict', `it is being moved or started (${busy})`)
    const lift = newBootId(rng)
    const epoch = epochs.above(vm, certified)
    const requested: Requested = { vm, host, epoch, boots: this.#boots(), reason }
    journal.append(PREFIX + lift, 'REQUESTED', requested)
    epochs.granted(vm, epoch)
    try {
      await agents.call(host, 'vm.lift', { lift, vm, epoch, boots: requested.boots }, { reason })
      journal.append(PREFIX + lift, 'LIFTED', {})
      return { lift, epoch }
    } finally {
      journal.seal(PREFIX + lift)
    }
  }

  /** What is known of the boots of all hosts. */
  #boots(): BootStanding[] {
    const { clock, fenced, hosts } = this.#ports
    const at = Math.round(clock.wall())
    return hosts().flatMap(({ id, bootId, connected }): BootStanding[] => {
      const off = fenced(id)
      if (off && off.what !== 'yielded') return [{ ...off, what: off.what }]
      return connected ? [{ host: id, what: 'speaks', bootId, text: 'it is connected', at }] : []
    })
  }
}
