/** Alarms as a report tells them: what is raised now, and once more as cleared what is over. */
import type { Alarm, Clock } from '@heliotrope/shared'

/** Cleared alarms that are told. */
const MAX_CLEARED = 50

export class AlarmLedger {
  readonly #clock: Pick<Clock, 'wall'>
  #raised = new Map<string, Alarm>()
  #cleared: Alarm[] = []

  constructor(clock: Pick<Clock, 'wall'>) {
    this.#clock = clock
  }

  /** As of the last `tell`. */
  get raised(): ReadonlyMap<string, Alarm> {
    return this.#raised
  }

  /** @param own of all parts now: raised, or cleared by the part itself @returns what a report tells */
  tell(own: readonly Alarm[]): Alarm[] {
    const now = new Map(own.map(alarm => [alarm.key, alarm]))
    for (const [key, alarm] of this.#raised)
      if (!now.has(key)) this.#cleared.push({ ...alarm, state: 'cleared', at: this.#clock.wall() })
    this.#cleared = this.#cleared.filter(alarm => !now.has(alarm.key)).slice(-MAX_CLEARED)
    this.#raised = new Map([...now].filter(([, { state }]) => state === 'raised'))
    return [...own, ...this.#cleared]
  }
}
