/** All cold boots: asks for one, keeps at most one per VM and none beside a move, takes up the open ones after a restart. */
import { errorChain, HeliotropeError, newBootId, newCommandId } from '@heliotrope/shared'
import type { BootEvidence, BootId, HostId, ReasonStep, Rng, VmConfig, VmId } from '@heliotrope/shared'
import { BOOT_PREFIX, bootStream, foldBoot, provenByBoot, readBoot } from './boot-records.js'
import type { BootRequested, BootState } from './boot-records.js'
import { BootSaga } from './boot-saga.js'
import type { BootSagaPorts } from './boot-saga.js'
import type { Epochs } from './epochs.js'
import type { Evidence } from '../state/evidence.js'
import type { VmNote } from '../state/fleet.js'
import type { GivenUp } from '../state/lost-vms.js'

export interface BootRequest {
  vm: VmId
  name: string
  config: VmConfig
  to: HostId
  /** Highest epoch that anybody has certified for it. */
  epoch: number
  /** Every other host that may hold something of it, or a grant for it. */
  others: readonly HostId[]
  reason: ReasonStep[]
}

export interface BootsPorts extends Omit<BootSagaPorts, 'ended'> {
  rng: Rng
  evidence: Pick<Evidence, 'prove'>
  epochs: Epochs
  noteOf: (vm: VmId) => VmNote
  ended(state: BootState): void
}

export class Boots {
  readonly #ports: BootsPorts
  readonly #open = new Map<BootId, { saga: BootSaga; requested: BootRequested }>()
  readonly #running = new Set<Promise<void>>()
  /** Hosts that were off when a VM of theirs was started elsewhere, and have not yielded since. */
  readonly #owing = new Map<string, { state: BootState; evidence: BootEvidence }>()
  readonly #parties = new Map<VmId, Set<HostId>>()
  /** The last boot of a VM, if its owner has yielded to it and it came to nothing. */
  readonly #givenUp = new Map<VmId, GivenUp>()

  constructor(ports: BootsPorts) {
    this.#ports = ports
  }

  /** Audit acts that this goes on with; before `start`, too. */
  openActs(): string[] {
    return this.#unsealed().map(({ requested }) => requested.audit)
  }

  /** Reads the journal and takes up what is open. @throws journal-failed */
  start(): void {
    const { audit, epochs, fleet, journal } = this.#ports
    const unsealed = new Set(journal.streams(BOOT_PREFIX, 'open'))
    for (const stream of journal.streams(BOOT_PREFIX, 'all')) {
      const state = foldBoot(stream.slice(BOOT_PREFIX.length) as BootId, journal.read(stream))
      if (!state) continue
      const { vm, epoch, audit: act } = state.requested
      epochs.granted(vm, epoch, state.requestedAt)
      this.#noteParties(state.requested)
      if (!state.done) this.#launch(state.boot, state.requested)
      else {
        this.#noteEnd(state)
        if (state.done.outcome === 'booted') fleet.note(vm, provenByBoot(state))
        if (!unsealed.has(stream)) continue
        audit.finish(act, state.done.outcome === 'booted' ? 'done' : 'failed', state.done.why)
        journal.seal(stream)
      }
    }
  }

  /** Lets the boots be; they are taken up at the next start. */
  async stop(): Promise<void> {
    for (const { saga } of this.#open.values()) saga.stop()
    await Promise.all(this.#running)
  }

  /** @returns its id; the boot goes on by itself @throws conflict | unavailable | refused, saying why; journal-failed */
  request({ vm, name, config, to, epoch, others, reason }: BootRequest): BootId {
    const { audit, epochs, journal, noteOf, rng } = this.#ports
    const { busy } = noteOf(vm)
    if (busy) throw new HeliotropeError('conflict', `${name} is being moved or started already (${busy})`)
    const { evidence, host } = this.#may({ vm, name, to, others })
    const boot = newBootId(rng)
    const act = audit.begin({ what: 'vm.boot', subject: vm, reason, details: { boot, name, to } })
    const requested: BootRequested = {
      ...{ vm, name, config, reason, evidence, audit: act },
      to: { host: to, key: host.key, bootId: host.bootId },
      epoch: epochs.above(vm, epoch),
      others: others
        .filter(id => !evidence.some(one => one.host === id))
        .map(id => ({ host: id, id: newCommandId(rng) })),
      id: newCommandId(rng),
    }
    try {
      journal.append(bootStream(boot), 'REQUESTED', requested)
    } catch (error) {
      audit.finish(act, 'failed', HeliotropeError.from(error).message)
      throw error
    }
    epochs.granted(vm, requested.epoch)
    this.#noteParties(requested)
    this.#launch(boot, requested)
    return boot
  }

  /** That nothing stands against it but what has the VM in hand now. @throws unavailable | refused, saying why */
  check(request: BootRequest): void {
    this.#may(request)
  }

  #may({ vm, name, to, others }: Pick<BootRequest, 'vm' | 'name' | 'to' | 'others'>) {
    const { fenced, fleet, mayGoTo, vouched } = this.#ports
    const host = fleet.host(to)
    if (!host?.connected)
      throw new HeliotropeError('unavailable', `host ${to} is not connected`, {
        remedy: `check heliotrope-agent on ${to}`,
      })
    if (host.closed !== undefined)
      throw new HeliotropeError('refused', `host ${to} takes no VM: ${host.closed}`)
    const evidence: BootEvidence[] = others.flatMap(id => fenced(id) ?? vouched(id, vm) ?? [])
    mayGoTo(
      to,
      evidence.map(one => one.host),
      vm,
      name,
    )
    return { evidence, host }
  }

  state(boot: BootId): BootState | undefined {
    return readBoot(this.#ports.journal, boot)
  }

  /** Hosts that took part in boots of the VM. */
  partiesOf(vm: VmId): HostId[] {
    return [...(this.#parties.get(vm) ?? [])]
  }

  /** VMs that were given up for starts that came to nothing, since which nobody was seen to have them. */
  givenUp(): GivenUp[] {
    return [...this.#givenUp.values()]
  }

  /** It was seen to run: whoever has started it, it is theirs now. */
  runs(vm: VmId): void {
    this.#givenUp.delete(vm)
  }

  /** Open boots, oldest first. */
  open(): BootState[] {
    return [...this.#open.keys()].flatMap(boot => this.state(boot) ?? [])
  }

  /** The hosts at which boots are under way: they stay awake. */
  engaged(): { from: HostId; to: HostId }[] {
    return [...this.#open.values()].map(({ requested: { to } }) => ({ from: to.host, to: to.host }))
  }

  /** A host came back, or was fenced. */
  poke(): void {
    for (const { saga } of this.#open.values()) saga.poke()
    for (const [name, { state, evidence }] of this.#owing) void this.#collect(name, state, evidence)
  }

  #noteParties({ vm, to, others }: BootRequested): void {
    const known = this.#parties.get(vm) ?? new Set()
    this.#parties.set(vm, known.add(to.host))
    for (const { host } of others) known.add(host)
  }

  #noteEnd(state: BootState): void {
    // Once it is signed that host alone may, started or not: all others have yielded, or were off.
    if (state.grant) this.#ports.evidence.prove(state.requested.vm, provenByBoot(state))
    const { vm, name, config, epoch, to } = state.requested
    const yielded = state.evidence.some(one => one.what === 'yielded')
    if ((this.#givenUp.get(vm)?.epoch ?? -1) < epoch) this.#givenUp.delete(vm)
    if (state.done?.outcome === 'refused' && yielded)
      this.#givenUp.set(vm, { vm, name, config, epoch, to: to.host, why: state.done.why })
    // Who was off owes its yield.
    for (const evidence of state.done?.outcome === 'booted' ? state.evidence : [])
      if (evidence.what !== 'yielded') this.#owing.set(`${state.boot} ${evidence.host}`, { state, evidence })
  }

  /** Is back: what it may still hold of the VM's earlier life is void, and its moves end as superseded. */
  async #collect(
    name: string,
    { boot, requested }: BootState,
    { host, bootId }: BootEvidence,
  ): Promise<void> {
    const { agents, fleet, log } = this.#ports
    const now = fleet.host(host)
    if (!now?.connected || now.bootId === bootId) return
    const { vm, epoch, reason } = requested
    try {
      await agents.call(host, 'vm.yield', { boot, vm, epoch }, { reason })
      this.#owing.delete(name)
    } catch (error) {
      const { details } = HeliotropeError.from(error)
      // It has been given the VM again since, or runs it: nothing of ours is owed any more.
      if (details?.['answered'] === true) this.#owing.delete(name)
      log.info('a host that was off has not yielded yet', { host, vm, error: errorChain(error) })
    }
  }

  #unsealed(): BootState[] {
    const { journal } = this.#ports
    return journal
      .streams(BOOT_PREFIX, 'open')
      .flatMap(stream => foldBoot(stream.slice(BOOT_PREFIX.length) as BootId, journal.read(stream)) ?? [])
  }

  #launch(boot: BootId, requested: BootRequested): void {
    const { fleet } = this.#ports
    fleet.note(requested.vm, { busy: boot as unknown as VmNote['busy'], movingTo: requested.to.host })
    const ended = (state: BootState): void => {
      this.#open.delete(boot)
      this.#noteEnd(state)
      this.#ports.ended(state)
    }
    const saga = new BootSaga({ ...this.#ports, ended }, boot)
    this.#open.set(boot, { saga, requested })
    const run = saga.run().finally(() => {
      this.#open.delete(boot)
      this.#running.delete(run)
    })
    this.#running.add(run)
  }
}
