/** Learns from each move that ended at its target what the next one of that VM will take. */
import { errorChain, MINUTE } from '@heliotrope/shared'
import type { Bytes, Cancel, Clock, HostId, Log, Ms, SiteId, Wh } from '@heliotrope/shared'
import type { MoveState } from '../saga/records.js'
import type { MoveCosts } from '../store/move-costs.js'
import type { Telemetry } from '../store/telemetry.js'
import { BASELINE_MS, meteredMoveWh } from './move-energy.js'
import type { PowerPoint } from './move-energy.js'

export interface MoveLearnerPorts {
  clock: Clock
  log: Log
  costs: MoveCosts
  telemetry: Pick<Telemetry, 'samples'>
  siteOf: (host: HostId) => SiteId | undefined
  /** What a transfer of so many bytes costs on both hosts together, where no meter says. */
  modelWh: (bytes: Bytes) => Wh
}

/** Until the hosts' readings of the move's last seconds are stored. */
const METERS_MS: Ms = 2 * MINUTE

export class MoveLearner {
  readonly #ports: MoveLearnerPorts
  readonly #waiting = new Set<Cancel>()

  constructor(ports: MoveLearnerPorts) {
    this.#ports = ports
  }

  /** By the model at once, by the meters when they have spoken. A move without figures teaches nothing. */
  ended({ move, requested, granted, done, since }: MoveState): void {
    if (done?.outcome !== 'moved' || !granted) return
    const { startedAt, endedAt, bytes, stillMs } = done
    if (startedAt === undefined || endedAt === undefined || bytes === undefined) return
    const durationMs = endedAt - startedAt
    if (!(durationMs > 0) || !(bytes > 0)) return
    const { costs, clock, log, modelWh } = this.#ports
    const row = {
      move,
      vm: requested.vm,
      at: since,
      memoryMiB: granted.grant.body.config.memoryMiB,
      durationMs,
      bytes,
      ...(stillMs !== undefined && { stillMs }),
      wh: modelWh(bytes),
      metered: false,
    }
    const keep = (wh: Wh, metered: boolean): void => {
      try {
        costs.keep({ ...row, wh, metered })
      } catch (error) {
        // A figure less; the move itself is done and journalled.
        log.warn('what a move took cannot be stored', { move, error: errorChain(error) })
      }
    }
    keep(row.wh, false)
    const cancel = clock.after(METERS_MS, () => {
      this.#waiting.delete(cancel)
      const wh = this.#metered(startedAt, endedAt, [requested.from, requested.to])
      if (wh !== undefined) keep(wh, true)
    })
    this.#waiting.add(cancel)
  }

  stop(): void {
    for (const cancel of this.#waiting) cancel()
    this.#waiting.clear()
  }

  #metered(startedAt: Ms, endedAt: Ms, hosts: readonly HostId[]): Wh | undefined {
    const { telemetry, siteOf } = this.#ports
    const from = Math.floor(startedAt - BASELINE_MS)
    const points = hosts.map((host): PowerPoint[] => {
      const site = siteOf(host)
      if (site === undefined) return []
      return telemetry
        .samples(site, 'host-power', from, Math.ceil(endedAt) + 1)
        .filter(row => row.host === host && (row.quality === 'measured' || row.quality === 'estimated'))
    })
    return meteredMoveWh(startedAt, endedAt, points)
  }
}
