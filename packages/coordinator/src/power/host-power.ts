/**
 * Sends hosts to standby and wakes them. Each order is an audit act in two phases; each state has a deadline; a host
 * that does not wake raises an alarm and is called again and again. State outlives the process.
 */
import { errorChain, HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { Cancel, Clock, HostId, Log, Ms } from '@heliotrope/shared'
import type { Alarms } from '../store/alarms.js'
import type { Audit } from '../store/audit.js'
import type { HostPowers } from '../store/host-powers.js'
import { awakeRecord, powerStep } from './machine.js'
import type { PowerEvent, PowerRecord } from './machine.js'

/** Gives the orders to agents. */
export interface PowerActor {
  /** Resolves when the host has agreed to stand by. @throws refused, with why not; unavailable | timeout */
  standBy(host: HostId, by: string, why: string): Promise<void>
  /** Has a neighbour or a controller wake it; says nothing about whether it wakes. @throws unavailable | … */
  wake(host: HostId, by: string, why: string): Promise<void>
}

export interface PowerLimits {
  /** From the order until the host has left. */
  goingMs: Ms
  /** From the order until the host speaks again; then an alarm. */
  wakingMs: Ms
  /** How often the call to wake is repeated. */
  repeatMs: Ms
}

export const defaultPowerLimits: PowerLimits = {
  goingMs: 5 * MINUTE,
  wakingMs: 10 * MINUTE,
  repeatMs: 2 * MINUTE,
}

export interface HostPowerPorts {
  clock: Clock
  log: Log
  audit: Audit
  alarms: Alarms
  store: HostPowers
  actor: PowerActor
  limits: PowerLimits
  connected: (host: HostId) => boolean
  /** Why it must stay awake, looked at in the instant of the order. */
  against: (host: HostId) => string | undefined
  /** A state has changed: the fleet's picture with it. */
  changed: (host: HostId) => void
}

export interface PowerOrder {
  by: string
  why: string
}

export class HostPower {
  readonly #ports: HostPowerPorts
  readonly #records = new Map<HostId, PowerRecord>()
  readonly #timers = new Map<HostId, Cancel>()

  constructor(ports: HostPowerPorts) {
    this.#ports = ports
  }

  /** Takes up where an earlier process stopped. Deadlines count anew: nobody watched meanwhile. */
  start(): void {
    for (const record of this.#ports.store.load()) {
      this.#records.set(record.host, record)
      this.#arm(record)
      this.#ports.changed(record.host)
    }
  }

  stop(): void {
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  /** Acts that an earlier process began and this one goes on with; before `start`, too. */
  openActs(): string[] {
    return this.#ports.store.load().flatMap(({ act }) => act ?? [])
  }

  record(host: HostId): PowerRecord {
    return this.#records.get(host) ?? awakeRecord(host)
  }

  arrived(host: HostId): void {
    this.#ports.alarms.clear('coordinator', wakeAlarm(host))
    this.#ports.alarms.clear('coordinator', goAlarm(host))
    this.#take(host, { kind: 'arrived' })
  }

  left(host: HostId): void {
    this.#take(host, { kind: 'left' })
  }

  /** Not in use any more: a host that was revoked. */
  forget(host: HostId): void {
    if (this.#records.has(host)) this.#put({ ...awakeRecord(host), since: this.#now() })
  }

  /** @throws refused, saying why it stays awake; journal-failed, and nothing was ordered */
  standBy(host: HostId, order: PowerOrder): void {
    const { against, audit, actor, log, alarms } = this.#ports
    const why = against(host)
    if (why !== undefined) throw new HeliotropeError('refused', `${host} stays awake: ${why}`)
    const act = audit.begin({ what: 'host.standby', subject: host, reason: [this.#reason(order)] })
    this.#take(host, { kind: 'stand-by', ...order, act })
    log.info('host is sent to standby', { host, why: order.why })
    actor.standBy(host, order.by, order.why).then(
      () => alarms.clear('coordinator', goAlarm(host)),
      (error: unknown) => {
        log.warn('host does not stand by', { host, error: errorChain(error) })
        // Without an answer it may be on its way all the same: its session shows, at the latest at the deadline.
        if (HeliotropeError.from(error).details?.['answered'] === true) this.#take(host, { kind: 'refused' })
      },
    )
  }

  /** @throws conflict if it is awake or on its way to standby; journal-failed, and nothing was ordered */
  wake(host: HostId, order: PowerOrder): void {
    const { audit, connected } = this.#ports
    const { state } = this.record(host)
    if (connected(host) || state === 'going')
      throw new HeliotropeError(
        'conflict',
        state === 'going' ? `${host} is on its way to standby` : `${host} is awake`,
      )
    if (state === 'waking') return
    const act = audit.begin({ what: 'host.wake', subject: host, reason: [this.#reason(order)] })
    this.#take(host, { kind: 'wake', ...order, act })
    this.#call(host)
  }

  #take(host: HostId, event: PowerEvent): void {
    const before = this.record(host)
    const { record, ending } = powerStep(before, event, this.#now())
    if (record === before) return
    this.#put(record)
    if (ending) this.#ports.audit.finish(ending.act, ending.outcome, ending.text)
  }

  #put(record: PowerRecord): void {
    this.#ports.store.save(record)
    this.#records.set(record.host, record)
    this.#arm(record)
    this.#ports.changed(record.host)
  }

  /** One timer a host: the end of `going`, or the next call of `waking`. */
  #arm(record: PowerRecord): void {
    const { clock, limits } = this.#ports
    const { host, state } = record
    this.#timers.get(host)?.()
    this.#timers.delete(host)
    if (state === 'going')
      this.#timers.set(
        host,
        clock.after(limits.goingMs, () => this.#notGone(host)),
      )
    if (state === 'waking')
      this.#timers.set(
        host,
        clock.after(limits.repeatMs, () => this.#notWoken(host)),
      )
  }

  #notGone(host: HostId): void {
    const { alarms, connected, limits } = this.#ports
    const here = connected(host)
    if (here)
      alarms.raise(
        'coordinator',
        goAlarm(host),
        `${host} did not stand by within ${limits.goingMs / MINUTE} min and stays awake`,
        `see the log of heliotrope-agent on ${host}; set keep_awake for it until it is mended`,
      )
    this.#take(host, { kind: 'too-late', connected: here })
  }

  #notWoken(host: HostId): void {
    const { alarms, limits } = this.#ports
    this.#take(host, { kind: 'too-late', connected: false })
    const waitedMs = this.record(host).tries * limits.repeatMs
    if (waitedMs >= limits.wakingMs)
      alarms.raise(
        'coordinator',
        wakeAlarm(host),
        `${host} does not wake: ordered ${Math.round(waitedMs / MINUTE)} min ago, ${this.record(host).tries} calls`,
        `wake ${host} by hand, and check how it is woken (heliotrope-agent.yaml, its BMC or its network card)`,
      )
    this.#call(host)
  }

  #call(host: HostId): void {
    const { actor, log } = this.#ports
    const { by, why } = this.record(host)
    actor
      .wake(host, by, why)
      .catch((error: unknown) => log.warn('wake call failed', { host, error: errorChain(error) }))
  }

  #reason({ by, why }: PowerOrder) {
    return { by, why: why.slice(0, 500), at: this.#now() }
  }

  #now(): Ms {
    return Math.round(this.#ports.clock.wall())
  }
}

const wakeAlarm = (host: HostId): string => `not-waking/${host}`
const goAlarm = (host: HostId): string => `not-standing-by/${host}`
