/**
 * Where reports end up: the fleet's state at once, the store in batches. A report is confirmed to its agent only when
 * its batch is on the disk; one that was stored before changes nothing, and is confirmed again.
 */
import { every, SECOND } from '@heliotrope/shared'
import type { Cancel, Clock, HostId, Log, MoveProgress, Ms, Report } from '@heliotrope/shared'
import { errorChain } from '@heliotrope/shared'
import type { Fleet } from '../state/fleet.js'
import type { Alarms } from '../store/alarms.js'
import type { FleetMemory } from '../store/memory-of-fleet.js'
import { markOf } from '../store/telemetry.js'
import type { Telemetry } from '../store/telemetry.js'

const FLUSH_MS: Ms = 2 * SECOND
/** A burst (an agent that replays a day offline) is written early instead of piling up. */
const FLUSH_REPORTS = 500
/** If the store does not take them for so long, sessions end instead: the agents keep what was not confirmed. */
const MAX_WAITING = 5_000

export interface IntakePorts {
  clock: Clock
  log: Log
  fleet: Fleet
  telemetry: Telemetry
  memory: FleetMemory
  alarms: Alarms
  ack(host: HostId, bootId: string, seq: number): void
  /** What the host says of its moves is not what it said before. */
  movesChanged(host: HostId): void
  /** It says the same as before, and that some are still open. */
  movesOpen(host: HostId): void
}

export class Intake {
  readonly #ports: IntakePorts
  /** Taken, and of these on the disk. */
  #marks = new Map<string, number>()
  #stored = new Map<string, number>()
  #waiting: Report[] = []
  #acks = new Map<string, { host: HostId; bootId: string; seq: number }>()
  #touched = new Set<HostId>()
  #cancel: Cancel = () => {}

  constructor(ports: IntakePorts) {
    this.#ports = ports
  }

  start(): void {
    const { clock, log, telemetry } = this.#ports
    this.#stored = telemetry.marks()
    this.#marks = new Map(this.#stored)
    this.#cancel = every(clock, FLUSH_MS, () => {
      try {
        this.flush()
      } catch (error) {
        // Nothing is confirmed: the agents keep their reports and send them again.
        log.error('reports cannot be stored', { error: errorChain(error) })
      }
    })
  }

  stop(): void {
    this.#cancel()
    this.flush()
  }

  take(report: Report): void {
    const { fleet, alarms } = this.#ports
    const mark = markOf(report.host, report.bootId)
    const stored = this.#marks.get(mark) ?? 0
    this.#acks.set(mark, { host: report.host, bootId: report.bootId, seq: Math.max(stored, report.seq) })
    if (report.seq <= stored) return
    this.#marks.set(mark, report.seq)
    this.#waiting.push(report)
    this.#touched.add(report.host)
    const before = fleet.host(report.host)?.moves ?? []
    fleet.report(report)
    const record = fleet.host(report.host)
    if (record && gistOf(record.moves) !== gistOf(before)) this.#ports.movesChanged(report.host)
    else if (record && record.moves.length > 0) this.#ports.movesOpen(report.host)
    if (record?.bootId === report.bootId && (report.full || report.alarms.length > 0))
      alarms.replace(report.host, record.alarms)
    if (this.#waiting.length % FLUSH_REPORTS === 0) this.#flushOr(this.#waiting.length >= MAX_WAITING)
  }

  /** @throws what the store throws; everything stays waiting then */
  flush(): void {
    const { clock, fleet, telemetry, memory, ack } = this.#ports
    if (this.#waiting.length > 0) {
      telemetry.store(this.#waiting, clock.wall())
      for (const { host, bootId, seq } of this.#waiting) this.#stored.set(markOf(host, bootId), seq)
      this.#waiting = []
      memory.saveHosts([...this.#touched].flatMap(host => fleet.host(host) ?? []))
      this.#touched.clear()
    }
    const acks = [...this.#acks.values()]
    this.#acks.clear()
    for (const { host, bootId, seq } of acks) ack(host, bootId, seq)
  }

  #flushOr(giveUp: boolean): void {
    try {
      this.flush()
    } catch (error) {
      if (!giveUp) return
      this.#waiting = []
      this.#acks.clear()
      this.#marks = new Map(this.#stored)
      throw error
    }
  }
}

const gistOf = (moves: readonly MoveProgress[]): string =>
  moves.map(({ move, record, phase }) => `${move} ${record} ${phase}`).join()
