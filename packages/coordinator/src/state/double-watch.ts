/**
 * Raises the alarm when a VM is reported as running at two places. Not at once: after a reconnect an agent first sends
 * what it kept while it was offline, and that may be older than the VM's last move.
 */
import { SECOND } from '@heliotrope/shared'
import type { Cancel, Clock, Ms, VmId } from '@heliotrope/shared'
import type { Alarms } from '../store/alarms.js'
import type { Fleet } from './fleet.js'

const PERSISTS_MS: Ms = 10 * SECOND

export class DoubleWatch {
  readonly #fleet: Fleet
  readonly #alarms: Alarms
  readonly #clock: Clock
  readonly #since = new Map<VmId, Ms>()
  #again: Cancel = () => {}

  constructor(fleet: Fleet, alarms: Alarms, clock: Clock) {
    this.#fleet = fleet
    this.#alarms = alarms
    this.#clock = clock
  }

  /** To be called after each important change of the fleet. */
  look(): void {
    this.#again()
    const now = this.#clock.mono()
    const doubles = this.#fleet.doubles()
    for (const vm of [...this.#since.keys()])
      if (!doubles.some(double => double.vm === vm)) {
        this.#since.delete(vm)
        this.#alarms.clear('coordinator', `running-twice/${vm}`)
      }
    for (const { vm, name, hosts } of doubles) {
      const since = this.#since.get(vm) ?? now
      this.#since.set(vm, since)
      if (now - since < PERSISTS_MS) continue
      this.#alarms.raise(
        'coordinator',
        `running-twice/${vm}`,
        `${name} (${vm}) runs on ${hosts.join(' and ')}`,
        'pause the one with the lower epoch (heliotrope vms --json), compare both, destroy nothing before that',
      )
    }
    if (doubles.length > 0) this.#again = this.#clock.after(PERSISTS_MS, () => this.look())
  }

  stop(): void {
    this.#again()
  }
}
