/** Carries out what a plan says of hosts' power, in mode auto: wakes first, standby only after a rest, never twice. */
import { errorChain, HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { HostId, Log, Ms } from '@heliotrope/shared'
import type { Plan, PowerChange } from '@heliotrope/planner'
import type { PowerOrder } from '../power/host-power.js'
import type { PowerRecord } from '../power/machine.js'

export interface HostPowerPort {
  record(host: HostId): PowerRecord
  /** @throws refused, with why it stays awake */
  standBy(host: HostId, order: PowerOrder): void
  /** @throws conflict if it is awake */
  wake(host: HostId, order: PowerOrder): void
}

/** A host that was woken is not sent back at once: forecasts waver, and each boot costs as much as minutes awake. */
export const AWAKE_AT_LEAST_MS: Ms = 20 * MINUTE

export class PowerChanges {
  readonly #power: HostPowerPort
  readonly #log: Log
  readonly #wall: () => Ms

  constructor(power: HostPowerPort, log: Log, wall: () => Ms) {
    this.#power = power
    this.#log = log
    this.#wall = wall
  }

  wake(id: number, plan: Plan): void {
    for (const change of automatic(plan.wakes)) {
      if (this.#power.record(change.host).state === 'waking') continue
      this.#try(change, 'wake', order => this.#power.wake(change.host, order), id)
    }
  }

  standBy(id: number, plan: Plan): void {
    for (const change of automatic(plan.standbys)) {
      const { state, since } = this.#power.record(change.host)
      if (state !== 'awake' || this.#wall() - since < AWAKE_AT_LEAST_MS) continue
      this.#try(change, 'standby', order => this.#power.standBy(change.host, order), id)
    }
  }

  #try(change: PowerChange, what: string, act: (order: PowerOrder) => void, id: number): void {
    try {
      act({ by: `plan ${id}`, why: change.reason })
    } catch (error) {
      const { code } = HeliotropeError.from(error)
      const fields = { host: change.host, what, error: errorChain(error) }
      // A refusal is a normal outcome: the next round sees what is left to do.
      if (code === 'refused' || code === 'conflict') this.#log.debug('planned power change not made', fields)
      else this.#log.warn('planned power change failed', fields)
    }
  }
}

const automatic = (changes: readonly PowerChange[]): PowerChange[] =>
  changes.filter(change => change.mode === 'auto')
