/**
 * Looks after guests that ended with nobody there to see it.
 *
 * Before Xen 4.20 xl's monitor of a domain leaves when the domain suspends, and does not come back when it is resumed: after
 * a move that was given up, a guest that reboots or powers off would stay a dead domain (XEN.md 1.3). The move took the
 * monitor away, so the agent does what it would have done, by the VM's own config. Every other ended domain has its monitor,
 * or an operator who wanted it kept.
 */
import { errorChain, HeliotropeError, SECOND } from '@heliotrope/shared'
import type { Alarm, Clock, Journal, Log, MoveId, Ms, OnEnd, VmConfig } from '@heliotrope/shared'
import type { DomainSeen, Hypervisor } from '../ports.js'
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
  bootId: string
}

/** A monitor acts within a second or two; this long nobody does. */
const UNSEEN_MS: Ms = 10 * SECOND

const ends = { poweroff: 'onPoweroff', reboot: 'onReboot', crashed: 'onCrash' } as const
type Ended = DomainSeen & { state: keyof typeof ends }

const isEnded = (domain: DomainSeen): domain is Ended => domain.state in ends

/**
 * The move that took the monitor of this domain away, if one did: the last of its VM here, which had this very domain
 * suspended and gave it back.
 * @throws journal-failed if the journal cannot be read to its end: then nothing may be touched
 */
export function monitorTakenBy(
  journal: Journal,
  bootId: string,
  { uuid, domid }: Pick<DomainSeen, 'uuid' | 'domid'>,
): MoveId | undefined {
  const streams = streamsOf(journal, uuid)
  if (streams.some(({ records }) => !has(records, 'CLEAN') && !has(records, 'CLOSED'))) return undefined
  const newest = streams.at(-1)
  if (newest?.role !== 'source') return undefined
  const { move, records } = newest
  const prepared = records.find(record => record.kind === 'PREPARED')
  if (prepared?.body.domid !== domid || prepared.body.bootId !== bootId) return undefined
  return has(records, 'ABORT') || has(records, 'RECLAIM') ? move : undefined
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

  constructor(ports: EndedGuestsPorts) {
    this.#ports = ports
  }

  /** Raised now. */
  alarms(): Alarm[] {
    return this.#alarms
  }

  /** One look at what the hypervisor has just listed. Never throws. */
  async look(domains: readonly DomainSeen[]): Promise<void> {
    const { clock, hypervisor, log } = this.#ports
    const ended = domains.filter(isEnded)
    const keys = new Set(ended.map(keyOf))
    for (const key of this.#since.keys()) if (!keys.has(key)) this.#since.delete(key)
    for (const { uuid, state } of domains) if (state === 'running') this.#down.delete(uuid)
    const alarms: Alarm[] = []
    try {
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
  }

  async #end(domain: Ended): Promise<Alarm[]> {
    const { clock, hypervisor, journal, bootId } = this.#ports
    const move = monitorTakenBy(journal, bootId, domain)
    if (move === undefined) return []
    const { uuid, domid, name, state } = domain
    const key = `ended/${uuid}`
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
    const { hypervisor, journal, log, maker } = this.#ports
    const made = wanted === 'restart' ? await maker.read(domid) : undefined
    // What was listed is old by now; only what still stands there, and alone, is ended.
    const [now, ...others] = await hypervisor.find(uuid)
    if (now?.domid !== domid || now.state !== state || others.length > 0) return
    journal.append(`ended/${uuid}`, wanted === 'restart' ? 'RESTART' : 'DESTROY', { domid, move, state })
    log.warn('a guest ended without a monitor', { name, domid, state, wanted, move })
    await hypervisor.destroy(domid)
    // A crash of the agent just here leaves the VM down and seen as such; to start it from this record alone, later, might
    // meet it somewhere else.
    if (wanted === 'restart') await maker.create(config, made)
  }
}

const keyOf = ({ uuid, domid }: DomainSeen): string => `${uuid}/${domid}`
