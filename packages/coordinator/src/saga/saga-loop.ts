/**
 * How a saga spends its time: one step after the other, each begun from what the journal says; a step that throws has made no
 * record, so it is said and made again.
 */
import { errorChain, HeliotropeError, Nap, SECOND } from '@heliotrope/shared'
import type { ErrorCode, Ms } from '@heliotrope/shared'
import type { SagaPorts } from './ports.js'

const transient: readonly ErrorCode[] = ['unavailable', 'timeout', 'cancelled']

/** The link failed, not the step: worth sending again. What the agent itself answered, it would answer again. */
export function mayPass(error: unknown): boolean {
  const { code, details } = HeliotropeError.from(error)
  return details?.['answered'] !== true && transient.includes(code)
}

/** Our own journal cannot be written; an agent that says so of its own has answered. */
export function journalFailed(error: unknown): boolean {
  const { code, details } = HeliotropeError.from(error)
  return code === 'journal-failed' && details?.['answered'] !== true
}

const AGAIN_MS: Ms = 30 * SECOND

export class SagaLoop {
  readonly #ports: Pick<SagaPorts, 'log' | 'alarms'>
  readonly #id: string
  readonly #what: string
  readonly #nap: Nap
  #stopped = false

  /** @param what `move`, `boot`: how people call it */
  constructor({ clock, log, alarms }: Pick<SagaPorts, 'clock' | 'log' | 'alarms'>, id: string, what: string) {
    this.#ports = { log, alarms }
    this.#id = id
    this.#what = what
    this.#nap = new Nap(clock)
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** @param step one step; true when there is none left. Ends with that, or on `stop`. Never rejects. */
  async run(step: () => Promise<boolean> | boolean): Promise<void> {
    const { log, alarms } = this.#ports
    for (let ended = false; !ended && !this.#stopped;)
      try {
        ended = await step()
        alarms.clear('coordinator', `saga/${this.#id}`)
      } catch (error) {
        // No new step without a record: wait for the disk, and say so.
        log.error(`${this.#what} cannot go on`, { [this.#what]: this.#id, error: errorChain(error) })
        alarms.raise(
          'coordinator',
          `saga/${this.#id}`,
          `a ${this.#what} cannot go on`,
          'see the log of the coordinator; check its disk',
        )
        await this.pause(AGAIN_MS)
      }
  }

  /** Until then, or until something may have changed. */
  pause(ms: Ms): Promise<void> {
    return this.#stopped ? Promise.resolve() : this.#nap.sleep(ms)
  }

  wake(): void {
    this.#nap.wake()
  }

  stop(): void {
    this.#stopped = true
    this.#nap.wake()
  }
}
