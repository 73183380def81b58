/**
 * Looks after guests that ended with nobody there to see it.
 *
 * Before Xen 4.20 xl's monitor of a domain leaves when the domain suspends, and does not come back when it is resumed: after
 * a move that was given up, a guest that reboots or powers off would stay a dead domain (XEN.md 1.3). The move took the
 * monitor away, so the agent does what it would have done, by the VM's own config. Every other ended domain has its monitor,
 * or an operator who wanted it kept.
 */
import { errorChain, HeliotropeError, SECOND } from '@heliotrope/shared'
import type { Alarm, Clock, Epoch, Journal, Log, MoveId, Ms, OnEnd, VmConfig, VmId } from '@heliotrope/shared'
import type { DomainSeen, Hypervisor } from '../ports.js'
import type { EpochIndex } from './epochs.js'
import { has, streamsOf } from './sweeper.js'

export interface EndedGuestsPorts {
  clock: Clock
  log: Log
  journal: Journal
  hypervisor: Pick<Hypervisor, 'find' | 'destroy' | 'facts' | 'inspect'>
  /** Makes a domain again from what was read of it. */
  maker: {
    create(config: VmConfig, made: unknown): Promise<void>
    read(domid: number): Promise<unknown>
  }
  epochs: Pick<EpochIndex, 'floor'>
  bootId: string
}

/** RESTART of `ended/VM`: the domain is about to be destroyed, and made anew. DONE follows when it was. */
interface Restart {
  name: string
  state: string
  bootId: string
  /** Below this a grant was void here. */
  floor: Epoch
}

const PREFIX = 'ended/'

/** A monitor acts within a second or two; this long nobody does. */
const UNSEEN_MS: Ms = 10 * SECOND

const ends = { poweroff: 'onPoweroff', reboot: 'onReboot', crashed: 'onCrash' } as const
type Ended = DomainSeen & { state: keyof typeof ends }

const isEnded = (domain: DomainSeen): domain is Ended => domain.state in ends

/**
 * The move that took the monitor of this domain away, if one did: it had this very domain suspended and gave it back. Later
 * moves that were given up before they touched it change nothing: the monitor does not come back.
 * @throws journal-failed if the journal cannot be read to its end: then nothing may be touched
 */
export function monitorTakenBy(
  journal: Journal,
  bootId: string,
  { uuid, domid }: Pick<DomainSeen, 'uuid' | 'domid'>,
): MoveId | undefined {
  const streams = streamsOf(journal, uuid)
  if (streams.some(({ records }) => !has(records, 'CLEAN') && !has(records, 'CLOSED'))) return undefined
  const since = streams.slice(streams.findLastIndex(({ role }) => role === 'target') + 1)
  return since.findLast(({ records }) => {
    const prepared = records.find(record => record.kind === 'PREPARED')
    if (prepared?.body.domid !== domid || prepared.body.bootId !== bootId) return false
    const abort = records.find(record => record.kind === 'ABORT')
    return has(records, 'RECLAIM') || (abort !== undefined && abort.body.untouched !== true)
  })?.move
}

/** @param xenVersion as `xl info` tells it: `4.17.5` */
export function monitorLeaves(xenVersion: string): boolean {
  const [major = 0, minor = 0] = xenVersion.split('.').map(Number)
  return major < 4 || (major === 4 && minor < 20)
}

export class EndedGuests {
  readonly #ports: EndedGuestsPorts
  /** Ended domains, by uuid and domid, and since when. */
  readonly #since = new Map<string, Ms>()
  /** By uuid: destroyed, and not started again. Told until somebody does. */
  readonly #down = new Map<string, Alarm>()
  #alarms: Alarm[] = []
  #looked = false
  #acted = false

  constructor(ports: EndedGuestsPorts) {
    this.#ports = ports
  }

  /** Raised now. */
  alarms(): Alarm[] {
    return this.#alarms
  }

  /** One look at what the hypervisor has just listed. Never throws. @returns whether a domain was ended */
  async look(domains: readonly DomainSeen[]): Promise<boolean> {
    const { clock, hypervisor, log } = this.#ports
    const ended = domains.filter(isEnded)
    const keys = new Set(ended.map(keyOf))
    for (const key of this.#since.keys()) if (!keys.has(key)) this.#since.delete(key)
    for (const { uuid, state } of domains) if (state === 'running') this.#down.delete(uuid)
    this.#acted = false
    const alarms: Alarm[] = []
    try {
      if (!this.#looked) this.#findCutShort(new Set(domains.map(({ uuid }) => uuid)))
      this.#looked = true
      for (const domain of ended) {
        const since = this.#since.get(keyOf(domain)) ?? clock.mono()
        this.#since.set(keyOf(domain), since)
        if (clock.mono() - since < UNSEEN_MS) continue
        if (!monitorLeaves((await hypervisor.facts()).xenVersion)) continue
        alarms.push(...(await this.#end(domain)))
      }
    } catch (error) {
      log.error('ended guests cannot be looked after', { error: errorChain(error) })
    }
    this.#alarms = [...alarms, ...this.#down.values()]
    return this.#acted
  }

  /**
   * An agent that was killed between the end of a domain and its start left the VM down. Nobody starts it from the record
   * alone: meanwhile it may have been started somewhere else. It is told, unless the VM was given away since.
   */
  #findCutShort(here: ReadonlySet<string>): void {
    const { bootId, clock, epochs, journal } = this.#ports
    for (const stream of journal.streams(PREFIX, 'all')) {
      const vm = stream.slice(PREFIX.length) as VmId
      const last = journal.read(stream).at(-1)
      const { name, state, bootId: boot, floor } = (last?.body ?? {}) as Restart
      if (last?.kind !== 'RESTART' || boot !== bootId || here.has(vm) || epochs.floor(vm) > floor) continue
      this.#down.set(vm, {
        key: `${PREFIX}${vm}`,
        state: 'raised',
        text: `${name} ended (${state}), and the agent was ended before it had started it again`,
        remedy: `start ${name} again on this host, if it runs nowhere else`,
        at: clock.wall(),
      })
    }
  }

  async #end(domain: Ended): Promise<Alarm[]> {
    const { clock, hypervisor, journal, bootId } = this.#ports
    const move = monitorTakenBy(journal, bootId, domain)
    if (move === undefined) return []
    const { uuid, domid, name, state } = domain
    const key = `${PREFIX}${uuid}`
    const alarm = (text: string, remedy: string): Alarm[] => [
      {
        key,
        state: 'raised',
        text: `${name} (domain ${domid}) ended (${state}): ${text}`,
        remedy,
        at: this.#alarms.find(one => one.key === key)?.at ?? clock.wall(),
      },
    ]
    try {
      const { config } = await hypervisor.inspect(domid)
      const wanted = config[ends[state]]
      if (wanted === 'preserve') return []
      if (wanted !== 'destroy' && wanted !== 'restart')
        return alarm(
          `its config says ${wanted}, and move ${move} cost it the monitor that would do it`,
          `look at the domain, then xl destroy ${domid} and start ${name} again on this host`,
        )
      await this.#act(domain, move, wanted, config)
      return []
    } catch (error) {
      const told = alarm(
        `its config cannot be followed: ${HeliotropeError.from(error).message}`,
        `if it is still listed, xl destroy ${domid}; if it should run, start ${name} again on this host`,
      )
      if ((await hypervisor.find(uuid)).length > 0) return told
      for (const one of told) this.#down.set(uuid, one)
      return []
    }
  }

  async #act(
    { uuid, domid, name, state }: Ended,
    move: MoveId,
    wanted: OnEnd,
    config: VmConfig,
  ): Promise<void> {
    const { bootId, epochs, hypervisor, journal, log, maker } = this.#ports
    const made = wanted === 'restart' ? await maker.read(domid) : undefined
    // What was listed is old by now; only what still stands there, and alone, is ended.
    const [now, ...others] = await hypervisor.find(uuid)
    if (now?.domid !== domid || now.state !== state || others.length > 0) return
    const record = { domid, move, state, name, bootId, floor: epochs.floor(uuid) }
    journal.append(PREFIX + uuid, wanted === 'restart' ? 'RESTART' : 'DESTROY', record)
    log.warn('a guest ended without a monitor', { name, domid, state, wanted, move })
    this.#acted = true
    await hypervisor.destroy(domid)
    if (wanted !== 'restart') return
    await maker.create(config, made)
    journal.append(PREFIX + uuid, 'DONE', {})
  }
}

const keyOf = ({ uuid, domid }: DomainSeen): string => `${uuid}/${domid}`
