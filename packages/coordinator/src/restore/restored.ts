/**
 * Finds out that this coordinator's data is older than the fleet (a backup was restored), learns from the hosts what it has
 * signed since, and has nothing started before each of them was heard. It believes only what it signed itself, and the words of
 * both sides: one host cannot revoke others, nor use numbers up. Rule 6 of model/claims.pml.
 */
import { checkFleet, errorChain, HeliotropeError, MINUTE, signFleet } from '@heliotrope/shared'
import type {
  Cancel,
  Clock,
  FleetBody,
  FleetStatement,
  HostId,
  Journal,
  Log,
  Ms,
  Signer,
  VmId,
} from '@heliotrope/shared'
import type { Agents } from '../ingest/sessions.js'
import type { Alarms } from '../store/alarms.js'
import type { EnrolledHost, Enrolment } from '../store/enrolment.js'
import type { Learning } from './learning.js'

export interface RestoredPorts {
  clock: Clock
  log: Log
  journal: Journal
  agents: Agents
  alarms: Pick<Alarms, 'raise' | 'clear'>
  enrolment: Pick<
    Enrolment,
    'list' | 'find' | 'enrol' | 'isRevoked' | 'learnRevoked' | 'revokedKeys' | 'voidTokens'
  >
  learning: Pick<Learning, 'learn'>
  signer: Signer
  /** Fingerprints of the keys with which we have ever signed. */
  trusted: () => readonly string[]
  /** It is known to be off. */
  fenced: (host: HostId) => boolean
  /** An admin has said of this VM that it does not run there. */
  vouched: (host: Pick<EnrolledHost, 'id' | 'key'>, vm: VmId) => boolean
  /** Data is older than the fleet, as of now: numbers leave room. */
  restoredAt: (at: Ms) => void
  /** Who may come in, or what is known of VMs, has changed. */
  changed: () => void
  /** A host that is revoked, as we have just learnt. */
  expel: (host: HostId) => void
}

/** OLDER in `restore`: something that we have signed is not in our data. MET: this host was heard since. WHOLE: all were. */
interface Older {
  by: HostId | ''
  what: string
}

const STREAM = 'restore'
const ALARM = 'older-than-fleet'
const AGAIN_MS: Ms = MINUTE
const DAYS_30: Ms = 30 * 24 * 60 * MINUTE

export class Restored {
  readonly #ports: RestoredPorts
  /** The newest OLDER; undefined if there never was one. */
  #older: { at: Ms; body: Older } | undefined
  #whole = true
  #met = new Set<HostId>()
  /** By this process: what they hold is known. */
  readonly #heardNow = new Set<HostId>()
  readonly #again = new Map<HostId, Cancel>()
  #told = ''
  #stopped = false

  constructor(ports: RestoredPorts) {
    this.#ports = ports
  }

  /** Reads the journal. @throws journal-failed */
  start(): void {
    const { alarms, enrolment, journal, restoredAt } = this.#ports
    // A restore needs a start: a token that was spent since the backup is as good as new in it.
    enrolment.voidTokens()
    for (const { kind, body, at } of journal.read(STREAM))
      if (kind === 'OLDER') this.#isOlder({ at, body: body as Older })
      else if (kind === 'MET') this.#met.add((body as { host: HostId }).host)
      else this.#whole = true
    if (this.#older) restoredAt(this.#older.at)
    if (this.#whole) alarms.clear('coordinator', ALARM)
  }

  stop(): void {
    this.#stopped = true
    for (const cancel of this.#again.values()) cancel()
  }

  /** A host has said hello: what it holds is learnt, then it is told of the fleet. Never rejects. */
  async arrived(host: HostId): Promise<void> {
    this.#again.get(host)?.()
    try {
      await this.#hear(host)
      this.#heard(host)
      await this.#tell(host)
    } catch (error) {
      if (this.#stopped) return
      const { code } = HeliotropeError.from(error)
      // An agent of before: it can prove nothing, and starts nothing that it was not told.
      if (code === 'unknown') return this.#heard(host)
      this.#ports.log.info('what a host holds is not known yet', { host, error: errorChain(error) })
      if (code !== 'unavailable')
        this.#again.set(
          host,
          this.#ports.clock.after(AGAIN_MS, () => void this.arrived(host)),
        )
    }
  }

  /** Tells whom it concerns when who is enrolled or revoked has changed. */
  #tellAll(): void {
    const { agents, enrolment } = this.#ports
    const text = JSON.stringify([this.#hosts(), enrolment.revokedKeys()])
    if (this.#told === text) return
    this.#told = text
    for (const { id } of enrolment.list())
      if (agents.connected(id)) this.#tell(id).catch((error: unknown) => this.#untold(id, error))
  }

  /** An admin says that this data is older than the fleet, whoever may know. */
  byHand(why: string): void {
    this.#note('', why)
  }

  /** Hosts that were not heard since this data turned out to be older than the fleet. */
  waiting(): EnrolledHost[] {
    const { enrolment, fenced } = this.#ports
    if (this.#whole) return []
    return enrolment
      .list()
      .filter(({ id, revokedAt }) => revokedAt === undefined && !this.#met.has(id) && !fenced(id))
  }

  /** Why nothing of the VM is started yet, in words; undefined if nothing of the kind keeps it. */
  against(vm: VmId): string | undefined {
    const away = this.waiting().filter(host => !this.#ports.vouched(host, vm))
    if (away.length === 0) return undefined
    const names = away.map(({ id }) => id)
    return `this coordinator's data is older than the fleet, and ${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''} may have been given it since`
  }

  /** To be called after each important change of the fleet. */
  look(): void {
    this.#tellAll()
    // All that were waited for were heard, or are off.
    if (this.#whole || this.waiting().length > 0) return
    try {
      this.#ports.journal.append(STREAM, 'WHOLE', {})
    } catch (error) {
      return this.#ports.log.error('that all hosts were heard cannot be written down', {
        error: errorChain(error),
      })
    }
    this.#whole = true
    this.#say()
    this.#ports.changed()
  }

  async #hear(host: HostId): Promise<void> {
    const { agents, learning } = this.#ports
    let after: VmId | undefined
    do {
      const page = await agents.call(host, 'host.statements', after === undefined ? {} : { after })
      if (page.fleet) this.#fleet(host, page.fleet)
      for (const held of page.statements)
        for (const { at, boot, move } of learning.learn(host, held))
          this.#found(host, at, move === undefined ? `boot ${boot}` : `move ${move}`)
      // A page that does not go on would be asked for without end.
      if (page.next !== undefined && after !== undefined && page.next <= after) return
      after = page.next
    } while (after !== undefined)
  }

  /** @param statement of ours, perhaps of a time that our data does not know */
  #fleet(host: HostId, statement: FleetStatement): void {
    const { alarms, enrolment, expel, journal, log, trusted } = this.#ports
    let body: FleetBody
    try {
      body = checkFleet(statement, trusted())
    } catch (error) {
      log.warn('a host names a fleet that we have not signed', { host, error: errorChain(error) })
      alarms.raise(
        'coordinator',
        `false-fleet/${host}`,
        `${host} names hosts and revocations that this coordinator has not signed: nothing of that was taken`,
        `was the signing key replaced by an older one, too? Otherwise look at ${host}: it lies`,
      )
      return
    }
    const { at, head, hosts, revoked } = body
    if (head.seq === 0 || journal.scan(head.seq, 1)[0]?.hash === head.hash) return
    for (const one of revoked)
      if (!enrolment.isRevoked(one.key)) {
        enrolment.learnRevoked(one, `learnt from ${host}`)
        expel(one.host)
      }
    // What was said later of them, our data knows.
    if (at > (this.#older?.at ?? -1)) for (const one of hosts) this.#enrol(one)
    this.#found(host, at, `the end of its journal at record ${head.seq}`)
  }

  #enrol({ host, key, site }: FleetBody['hosts'][number]): void {
    const { clock, enrolment } = this.#ports
    const known = enrolment.find(host)
    if (enrolment.isRevoked(key) || known?.key === key) return
    enrolment.enrol({ id: host, key, site, notAfter: clock.wall() + DAYS_30 })
  }

  /** Something that we signed at that time, and do not know. */
  #found(by: HostId, at: Ms, what: string): void {
    this.#ports.changed()
    // From before the last time this was found out: it belongs to what was lost then.
    if (at > (this.#older?.at ?? -1)) this.#note(by, what)
  }

  #note(by: HostId | '', what: string): void {
    const { clock, journal, log, restoredAt } = this.#ports
    const body: Older = { by, what }
    journal.append(STREAM, 'OLDER', body)
    this.#isOlder({ at: Math.round(clock.wall()), body })
    log.error('the data of this coordinator is older than the fleet', { by, what })
    restoredAt(this.#older!.at)
    for (const host of this.#heardNow) this.#meet(host)
    this.#say()
    this.#ports.changed()
  }

  #isOlder(older: { at: Ms; body: Older }): void {
    this.#older = older
    this.#whole = false
    this.#met = new Set()
  }

  #heard(host: HostId): void {
    this.#heardNow.add(host)
    if (!this.#whole && !this.#met.has(host)) {
      this.#meet(host)
      this.#say()
      this.#ports.changed()
    }
    this.look()
  }

  #meet(host: HostId): void {
    this.#ports.journal.append(STREAM, 'MET', { host })
    this.#met.add(host)
  }

  #say(): void {
    const { alarms } = this.#ports
    if (!this.#older) return
    const { by, what } = this.#older.body
    const who =
      by === '' ? what : `${by} knows of ${what}, which this coordinator has signed and does not know`
    const away = this.waiting().map(({ id }) => id)
    const rest = this.#whole
      ? 'all hosts were heard since'
      : `nothing is started before these were heard: ${away.slice(0, 20).join(', ') || 'none'}`
    alarms.clear('coordinator', ALARM)
    alarms.raise(
      'coordinator',
      ALARM,
      `the data of this coordinator is older than the fleet: ${who}; ${rest}`.slice(0, 1000),
      'was a backup restored? Bring these hosts back, or: heliotrope fence HOST, heliotrope agents revoke HOST, heliotrope forget VM --not-running. Look at revocations and join tokens since then',
    )
  }

  async #tell(host: HostId): Promise<void> {
    const { agents, clock, enrolment, journal, signer } = this.#ports
    const statement = signFleet(signer, {
      kind: 'fleet',
      head: journal.head(),
      hosts: this.#hosts(),
      revoked: enrolment.revokedKeys().slice(0, 2000),
      at: Math.round(clock.wall()),
    })
    await agents.call(host, 'host.fleet', { statement })
  }

  #hosts(): FleetBody['hosts'] {
    return this.#ports.enrolment
      .list()
      .filter(({ revokedAt }) => revokedAt === undefined)
      .map(({ id, key, site }) => ({ host: id, key, site }))
      .slice(0, 1000)
  }

  #untold(host: HostId, error: unknown): void {
    if (!this.#stopped)
      this.#ports.log.info('a host was not told of the fleet', { host, error: errorChain(error) })
  }
}
