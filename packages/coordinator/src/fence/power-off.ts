/**
 * Sees that a silent host's power is off, and only then notes it as evidence (model/boot.pml, rule 4: it is about one boot,
 * and off was seen after that boot was last heard of). Silence, a controller that fails, and an answer that is not
 * understood are no evidence, and a host that speaks is not off, whatever is answered.
 */
import { errorChain, HeliotropeError, SECOND } from '@heliotrope/shared'
import type { BootEvidence, Cancel, Clock, HostId, Ms } from '@heliotrope/shared'
import type { Fences } from '../saga/fences.js'
import type { PowerAnswer, PowerControl } from './port.js'

/** `confirm` only asks; `power-off` takes the power away first. */
export type OffHow = 'confirm' | 'power-off'

export interface PowerOffPorts {
  clock: Clock
  fences: Pick<Fences, 'note'>
  controls: ReadonlyMap<HostId, PowerControl>
  /** What is known of the host now. */
  host: (id: HostId) => { connected: boolean; bootId: string } | undefined
  /** It was sent to standby, or is being woken. */
  standsBy: (id: HostId) => boolean
}

/** A controller that starts up itself may say off for a moment. */
const TIMES = 2
const AGAIN_MS: Ms = 3 * SECOND

export class PowerOff {
  readonly #ports: PowerOffPorts
  readonly #running = new Map<HostId, Promise<BootEvidence>>()
  readonly #waits = new Set<() => void>()
  #stopped = false

  constructor(ports: PowerOffPorts) {
    this.#ports = ports
  }

  /** What is asked about this host, for people; undefined where there is none. */
  controlOf(host: HostId): string | undefined {
    return this.#ports.controls.get(host)?.name
  }

  /** Asks, and nothing follows from it. @throws bad-config without a controller, exec-failed | timeout */
  status(host: HostId): Promise<PowerAnswer> {
    return this.#control(host).status()
  }

  /** @throws bad-config, conflict, refused, timeout: then nothing was noted; journal-failed */
  async see(host: HostId, how: OffHow, by: string): Promise<BootEvidence> {
    if (this.#running.has(host))
      throw new HeliotropeError('conflict', `the power of ${host} is being looked at already`)
    const run = this.#see(host, how, by).finally(() => this.#running.delete(host))
    this.#running.set(host, run)
    return run
  }

  /** Ends what is under way, without evidence. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const wake of this.#waits) wake()
    await Promise.allSettled(this.#running.values())
  }

  async #see(host: HostId, how: OffHow, by: string): Promise<BootEvidence> {
    const { clock, fences, standsBy } = this.#ports
    const control = this.#control(host)
    const bootId = this.#silent(host)
    // Memory that sleeps needs little power, and many controllers call that off.
    if (how === 'confirm' && standsBy(host))
      throw new HeliotropeError('refused', `${host} was sent to standby: it would look off, and may wake`, {
        remedy: `heliotrope wake ${host}, or heliotrope fence ${host} --power-off`,
      })
    const problem = how === 'power-off' ? await problemOf(control.off()) : undefined
    const end = clock.mono() + control.offMs
    for (let seen = 0; ;) {
      const { power, said } = await control
        .status()
        .catch((error: unknown): PowerAnswer => ({ power: 'unknown', said: errorChain(error) }))
      if (this.#stopped) throw new HeliotropeError('unavailable', 'the coordinator stops')
      if (this.#silent(host) !== bootId)
        throw new HeliotropeError('refused', `${host} has booted meanwhile: it is not off`)
      seen = power === 'off' ? seen + 1 : 0
      if (seen === TIMES) {
        const first = how === 'power-off' && problem === undefined ? 'was told to power off, then ' : ''
        return fences.note(host, 'power-off', `${control.name} ${first}answered: ${said}; asked by ${by}`)
      }
      if (seen === 0 && (how === 'confirm' || clock.mono() >= end))
        throw new HeliotropeError(
          how === 'confirm' ? 'refused' : 'timeout',
          `${control.name} does not say that ${host} is off: ${said}${problem ? `; the order: ${problem}` : ''}`,
          { remedy: this.#remedy(host, how) },
        )
      await this.#wait()
    }
  }

  /** @returns its last known boot @throws refused if it is connected, or nobody has ever heard of a boot of it */
  #silent(id: HostId): string {
    const host = this.#ports.host(id)
    if (host?.connected)
      throw new HeliotropeError('refused', `${id} is connected: it is not off`, {
        remedy: `if its controller says off all the same, the config names that of another host: heliotrope fence ${id} --status`,
      })
    if (!host?.bootId) throw new HeliotropeError('refused', `${id} has never reported a boot`)
    return host.bootId
  }

  #control(host: HostId): PowerControl {
    const control = this.#ports.controls.get(host)
    if (control) return control
    throw new HeliotropeError('bad-config', `the config names nothing that knows the power of ${host}`, {
      remedy: `set fence for ${host} under hosts in the coordinator's config; or state what you know yourself: heliotrope fence ${host} --reason ...`,
    })
  }

  #remedy(host: HostId, how: OffHow): string {
    return how === 'confirm'
      ? `--power-off takes its power away, and what runs there with it; or look again: heliotrope fence ${host} --status`
      : `go and look; if it is off for certain: heliotrope fence ${host} --reason ...`
  }

  #wait(): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        cancel()
        this.#waits.delete(done)
        resolve()
      }
      const cancel: Cancel = this.#ports.clock.after(AGAIN_MS, done)
      this.#waits.add(done)
    })
  }
}

const problemOf = (act: Promise<void>): Promise<string | undefined> =>
  act.then(
    () => undefined,
    (error: unknown) => errorChain(error),
  )
