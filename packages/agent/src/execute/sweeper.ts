/**
 * Looks after domains that stand suspended and that no move has in hand.
 *
 * A guest that did not suspend in time makes xl give up, and the move ends; the request stays with the guest, which may
 * still follow it minutes later and then sleeps for ever (XEN.md 1.2, W2). That domain is ours to resume. Every other
 * suspended domain is somebody else's work: it is named, and never touched.
 */
import { errorChain, HeliotropeError, MINUTE, SECOND } from '@heliotrope/shared'
import type { Alarm, Clock, Journal, Log, MoveId, Ms, VmId } from '@heliotrope/shared'
import { moveJournal, streamOf } from '../mover/records.js'
import type { MoveRecord, SourceRecord, TargetRecord } from '../mover/records.js'
import type { DomainSeen, Hypervisor } from '../ports.js'

export interface SweeperPorts {
  clock: Clock
  log: Log
  journal: Journal
  hypervisor: Pick<Hypervisor, 'find' | 'resume'>
  bootId: string
  /** An xl or save helper that suspends, saves or migrates lives on this host, whoever started it. */
  xlAtWork: () => Promise<boolean>
}

/** A guest that suspends later than this after its move was given up is left to people. */
const LATE_MS: Ms = 10 * MINUTE
/** How long a domain stands suspended before people hear of it: a save by hand takes a moment, too. */
const FOREIGN_AFTER_MS: Ms = 30 * SECOND

export type Verdict =
  | { what: 'in-hand' }
  /** Suspended by a move that was given up. */
  | { what: 'late'; move: MoveId }
  | { what: 'foreign'; why: string }

/**
 * Whose is a suspended domain? By the journal alone, read to its end.
 * @throws journal-failed if it cannot be: then nothing may be touched
 */
export function suspendedVerdict(
  journal: Journal,
  bootId: string,
  domain: Pick<DomainSeen, 'uuid' | 'domid'>,
  now: Ms,
): Verdict {
  const streams = streamsOf(journal, domain.uuid)
  if (streams.some(({ records }) => !has(records, 'CLEAN') && !has(records, 'CLOSED')))
    return { what: 'in-hand' }
  const newest = streams.at(-1)
  if (newest === undefined) return foreign('no move on this host has ever had it')
  const { role, move, records } = newest
  if (role === 'target') return foreign(`since move ${move} brought it here, no move has suspended it`)
  const prepared = records.find(record => record.kind === 'PREPARED')
  if (prepared?.body.domid !== domain.domid || prepared.body.bootId !== bootId)
    return foreign(`move ${move} had another domain of this VM in hand`)
  const abort = records.find(record => record.kind === 'ABORT')
  if (has(records, 'COMMIT') || abort === undefined)
    return foreign(`move ${move} had come to COMMIT: it resumed or destroyed what it suspended`)
  if (abort.body.untouched) return foreign(`move ${move} was given up before its copy began`)
  if (now - abort.at > LATE_MS)
    return foreign(`move ${move} was given up ${Math.round((now - abort.at) / MINUTE)} min ago`)
  return { what: 'late', move }
}

const foreign = (why: string): Verdict => ({ what: 'foreign', why })

interface Stream {
  role: 'source' | 'target'
  move: MoveId
  epoch: number
  records: MoveRecord<SourceRecord | TargetRecord>[]
}

export const has = (records: Stream['records'], kind: string): boolean =>
  records.some(record => record.kind === kind)

/** All moves of the VM that this host has taken part in, by epoch. */
export function streamsOf(journal: Journal, vm: VmId): Stream[] {
  return (['source', 'target'] as const)
    .flatMap(role =>
      journal.streams(`${role}/`, 'all').flatMap(name => {
        const move = name.slice(role.length + 1) as MoveId
        const records = moveJournal<SourceRecord | TargetRecord>(journal, role, move).all()
        const grant = records[0]?.body.order?.grant.body
        return grant?.vm === vm ? [{ role, move, epoch: grant.epoch, records }] : []
      }),
    )
    .sort((a, b) => a.epoch - b.epoch)
}

export class Sweeper {
  readonly #ports: SweeperPorts
  /** Suspended domains, by uuid and domid, and since when. */
  readonly #since = new Map<string, Ms>()
  #alarms: Alarm[] = []
  #acted = false

  constructor(ports: SweeperPorts) {
    this.#ports = ports
  }

  /** Raised now. */
  alarms(): Alarm[] {
    return this.#alarms
  }

  /** One look at what the hypervisor has just listed. Never throws. @returns whether a domain was resumed */
  async look(domains: readonly DomainSeen[]): Promise<boolean> {
    const { clock, log, xlAtWork } = this.#ports
    const suspended = domains.filter(domain => domain.state === 'suspended')
    const keys = new Set(suspended.map(keyOf))
    for (const key of this.#since.keys()) if (!keys.has(key)) this.#since.delete(key)
    this.#acted = false
    const alarms: Alarm[] = []
    try {
      if (suspended.length > 0 && !(await xlAtWork()))
        for (const domain of suspended) {
          const since = this.#since.get(keyOf(domain)) ?? clock.mono()
          this.#since.set(keyOf(domain), since)
          alarms.push(...(await this.#sweep(domain, since)))
        }
    } catch (error) {
      log.error('suspended domains cannot be looked after', { error: errorChain(error) })
    }
    this.#alarms = alarms
    return this.#acted
  }

  async #sweep(domain: DomainSeen, since: Ms): Promise<Alarm[]> {
    const { clock, journal, bootId } = this.#ports
    const verdict = suspendedVerdict(journal, bootId, domain, clock.wall())
    if (verdict.what === 'in-hand') return []
    const alarm = (key: string, text: string, remedy: string): Alarm => {
      const before = this.#alarms.find(one => one.key === key)
      return { key, state: 'raised', text, remedy, at: before?.at ?? clock.wall() }
    }
    if (verdict.what === 'late') {
      const failed = await this.#resume(domain, verdict.move)
      if (failed === undefined) return []
      return [
        alarm(
          `late-suspend/${domain.uuid}`,
          `${domain.name} suspended after move ${verdict.move} was given up, and cannot be resumed: ${failed}`,
          `xl resume ${domain.domid} on this host; it will be tried again meanwhile`,
        ),
      ]
    }
    if (clock.mono() - since < FOREIGN_AFTER_MS) return []
    return [
      alarm(
        `foreign-suspended/${domain.uuid}`,
        `${domain.name} (domain ${domain.domid}) stands suspended, and not by Heliotrope: ${verdict.why}`,
        `it is left alone. If nobody needs it so: xl resume ${domain.domid}; if a migration by hand failed: look at both hosts first`,
      ),
    ]
  }

  /** @returns why it failed, if it did */
  async #resume({ uuid, domid, name }: DomainSeen, move: MoveId): Promise<string | undefined> {
    const { hypervisor, journal, log } = this.#ports
    try {
      // What was listed is old by now; only what still stands there, and alone, is resumed.
      const now = await hypervisor.find(uuid)
      if (now.length !== 1 || now[0]?.domid !== domid || now[0].state !== 'suspended') return undefined
      journal.append(`sweep/${uuid}`, 'RESUME', { domid, move, stream: streamOf('source', move) })
      log.warn('a guest suspended after its move was given up: resuming it', { name, domid, move })
      this.#acted = true
      await hypervisor.resume(domid)
      return undefined
    } catch (error) {
      return HeliotropeError.from(error).message
    }
  }
}

const keyOf = ({ uuid, domid }: DomainSeen): string => `${uuid}/${domid}`
