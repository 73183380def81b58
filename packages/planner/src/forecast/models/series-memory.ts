/** What every model of a series remembers: its values as shares of a scale, and what is usual at each time of the day. */
import { DayProfile } from '../learn/day-profile.js'
import { SlotSeries } from '../learn/slot-series.js'
import { finite } from './series-features.js'

/** Days that are looked back on: a week profile needs two weeks. */
const KEEP_DAYS = 16

export class SeriesMemory {
  readonly values: SlotSeries
  readonly profile: DayProfile
  /** The newest slot with a value, and that value. */
  newest = { slot: -1, value: NaN }
  /** What to take for usual while nothing was measured; the features set it. */
  fallback: (slot: number) => number = () => 0

  constructor(readonly perDay: number) {
    this.values = new SlotSeries(KEEP_DAYS * perDay)
    this.profile = new DayProfile(perDay)
  }

  note(slot: number, value: number): void {
    this.values.set(slot, value)
    if (!Number.isFinite(value)) return
    this.profile.note(slot, value)
    this.newest = { slot, value }
  }

  /** What was so many slots at the latest: the newest value that is known. NaN if nothing ever was. */
  persistence(): number {
    return this.newest.value
  }

  /** The same time on the latest day for which it is known at `origin`; the profile if missing. */
  yesterday(origin: number, slot: number, days = 1): number {
    let at = slot - days * this.perDay
    while (at > origin) at -= this.perDay
    const value = this.values.at(at)
    return Number.isFinite(value) ? value : this.usual(slot)
  }

  usual(slot: number): number {
    const usual = this.profile.at(slot)
    if (Number.isFinite(usual)) return usual
    return finite(this.newest.value, this.fallback(slot))
  }

  /** Mean over the newest `count` slots up to `origin` that are known; `otherwise` if none is. */
  mean(origin: number, count: number, otherwise: number): number {
    let [sum, known] = [0, 0]
    for (let slot = origin - count + 1; slot <= origin; slot++) {
      const value = this.values.at(slot)
      if (!Number.isFinite(value)) continue
      sum += value
      known++
    }
    return known > 0 ? sum / known : otherwise
  }
}
