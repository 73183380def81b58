/**
 * One cold boot as the coordinator drives it: every other side yields, then one host gets the grant. All state is in the
 * journal; `run` may be started anew at any point of it. The rules are those of model/boot.pml.
 */
import { certifyBoot, errorChain, HeliotropeError, MINUTE, SECOND } from '@heliotrope/shared'
import type { BootEvidence, BootId, HostId, Ms, VmId } from '@heliotrope/shared'
import { bootStream, provenByBoot, readBoot } from './boot-records.js'
import type { BootDone, BootRecords, BootState } from './boot-records.js'
import type { SagaPorts } from './ports.js'
import { journalFailed, mayPass, SagaLoop } from './saga-loop.js'

export interface BootSagaPorts extends Pick<
  SagaPorts,
  'clock' | 'log' | 'journal' | 'signer' | 'fleet' | 'agents' | 'audit' | 'alarms'
> {
  /** That the host was off after this boot of it; asked again each time. */
  fenced: (host: HostId) => BootEvidence | undefined
  /** An admin's word that the VM does not run on the host. */
  vouched: (host: HostId, vm: VmId) => BootEvidence | undefined
  /** That hosts which are off would ask this one before they start the VM by themselves. @throws refused */
  mayGoTo: (to: HostId, off: readonly HostId[], vm: VmId, name: string) => void
  /** After the DONE record. */
  ended(state: BootState): void
}

const RETRY_MS: Ms = 2 * SECOND
/** An order that was under way when the coordinator went down is good for so long. */
const EXPIRES_MS: Ms = 10 * MINUTE
/** Silence for so long is spoken of. */
const STUCK_MS: Ms = 3 * MINUTE

export class BootSaga {
  readonly boot: BootId
  readonly #ports: BootSagaPorts
  readonly #loop: SagaLoop

  constructor(ports: BootSagaPorts, boot: BootId) {
    this.#ports = ports
    this.boot = boot
    this.#loop = new SagaLoop(ports, boot, 'boot')
  }

  /** Ends with the boot, or on `stop`. Never rejects. */
  run(): Promise<void> {
    return this.#loop.run(async () => {
      const state = readBoot(this.#ports.journal, this.boot)
      if (state && !state.done) await this.#step(state)
      else if (state?.done) this.#finish(state, state.done)
      return !state || state.done !== undefined
    })
  }

  /** Something that concerns this boot may have changed. */
  poke(): void {
    this.#loop.wake()
  }

  stop(): void {
    this.#loop.stop()
  }

  async #step(state: BootState): Promise<void> {
    const { fleet } = this.#ports
    const { to, others } = state.requested
    const host = fleet.host(to.host)
    // Its grant would be void, whatever became of it: what runs there now, it will tell.
    if (host?.connected && host.bootId !== to.bootId)
      return this.#done({ outcome: 'refused', why: `${to.host} was booted since` })
    if (this.#ports.fenced(to.host)?.bootId === to.bootId)
      return this.#done({ outcome: 'refused', why: `${to.host} was off since` })
    if (state.grant) return this.#start(state)
    const missing = others.filter(({ host: id }) => !state.evidence.some(one => one.host === id))
    if (missing.length === 0) return this.#grant(state)
    for (const { host: id, id: command } of missing) await this.#yield(state, id, command)
  }

  async #yield(state: BootState, host: HostId, id: BootState['requested']['id']): Promise<void> {
    const { agents, clock, fenced, mayGoTo, vouched } = this.#ports
    const off = fenced(host) ?? vouched(host, state.requested.vm)
    const { vm, epoch, name, reason, to } = state.requested
    if (off) {
      try {
        mayGoTo(to.host, [host], vm, name)
      } catch (error) {
        return this.#done({ outcome: 'refused', why: HeliotropeError.from(error).message })
      }
      return this.#append('YIELDED', { evidence: off })
    }
    try {
      const expiresAt = clock.wall() + EXPIRES_MS
      const args = { boot: this.boot, vm, epoch }
      const { bootId } = await agents.call(host, 'vm.yield', args, { id, reason, expiresAt })
      const text = `${host} has journalled that all below epoch ${epoch} is void`
      this.#append('YIELDED', {
        evidence: { host, what: 'yielded', bootId, text, at: Math.round(clock.wall()) },
      })
    } catch (error) {
      await this.#failed(state, host, error)
    }
  }

  #grant(state: BootState): void {
    const { clock, signer } = this.#ports
    const { vm, epoch, to, config } = state.requested
    const grant = certifyBoot(signer, {
      kind: 'boot',
      boot: this.boot,
      ...{ vm, epoch, to, config, evidence: state.evidence },
      at: Math.round(clock.wall()),
    })
    this.#append('GRANTED', { grant })
  }

  async #start(state: BootState): Promise<void> {
    const { agents, clock } = this.#ports
    const { to, id, reason } = state.requested
    if (!state.grant) return
    try {
      const expiresAt = clock.wall() + EXPIRES_MS
      await agents.call(to.host, 'vm.boot', { grant: state.grant }, { id, reason, expiresAt })
      this.#done({ outcome: 'booted', why: `it runs on ${to.host}` })
    } catch (error) {
      await this.#failed(state, to.host, error)
    }
  }

  /** What may get better is tried again for as long as it takes: nobody else may start the VM meanwhile. */
  async #failed(state: BootState, host: HostId, error: unknown): Promise<void> {
    if (this.#loop.stopped) return
    if (journalFailed(error)) throw error
    const { code, message } = HeliotropeError.from(error)
    const { clock, log, alarms } = this.#ports
    log.info('step of a boot failed', { boot: this.boot, host, error: errorChain(error) })
    // An agent whose journal cannot be written has done nothing, and may be asked again.
    if (!mayPass(error) && code !== 'journal-failed')
      return this.#done({ outcome: 'refused', why: `${host}: ${message}` })
    if (!state.stuck && clock.wall() - state.since > STUCK_MS) {
      const text = `${state.requested.name} waits to be started on ${state.requested.to.host}: ${host} does not answer`
      const remedy = `bring ${host} back; or, if it is off for certain: heliotrope fence ${host} --reason ...`
      this.#append('STUCK', { text, remedy })
      alarms.raise('coordinator', `stuck/${this.boot}`, text, remedy)
    }
    return this.#loop.pause(RETRY_MS)
  }

  #done(done: BootDone): void {
    this.#append('DONE', done)
  }

  /** What follows from DONE; may be done again. */
  #finish(state: BootState, done: BootDone): void {
    const { alarms, audit, fleet, journal, log, ended } = this.#ports
    const { audit: act, vm } = state.requested
    journal.seal(bootStream(this.boot))
    const booted = done.outcome === 'booted'
    fleet.note(vm, {
      busy: undefined,
      movingTo: undefined,
      ...(booted && provenByBoot(state)),
    })
    audit.finish(act, booted ? 'done' : 'failed', done.why)
    alarms.clear('coordinator', `stuck/${this.boot}`)
    log.warn('boot ended', { boot: this.boot, ...done })
    ended(state)
  }

  #append<K extends keyof BootRecords>(kind: K, body: BootRecords[K]): void {
    this.#ports.journal.append(bootStream(this.boot), kind, body)
  }
}
