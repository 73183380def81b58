/** How many yields each other host gets written into this host's journal in an hour: nobody fills it. */
import { HOUR } from '@heliotrope/shared'
import type { Clock, HostId, Ms } from '@heliotrope/shared'

/** More VMs than a host is likely to lose at once; one that lost more gets the rest in the next hour. */
const AN_HOUR = 256

export class YieldBudget {
  readonly #clock: Clock
  readonly #spent = new Map<HostId, { since: Ms; count: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** False when it is used up. Hosts that may ask are on a list of the coordinator, so these are few. */
  take(host: HostId): boolean {
    const now = this.#clock.mono()
    const before = this.#spent.get(host)
    const spent = before && now - before.since < HOUR ? before : { since: now, count: 0 }
    if (spent.count >= AN_HOUR) return false
    this.#spent.set(host, { ...spent, count: spent.count + 1 })
    return true
  }
}
