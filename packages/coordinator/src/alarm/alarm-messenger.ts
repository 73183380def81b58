/**
 * Tells each change of an alarm, in order, until it has been taken. What has been told stands in the store: neither a
 * restart nor an endpoint that is down loses a notice. An alarm that came and went in between is told as it is now.
 */
import { errorChain, MINUTE, Nap, SECOND } from '@heliotrope/shared'
import type { Clock, Log, Ms } from '@heliotrope/shared'
import type { AlarmEntry, Alarms } from '../store/alarms.js'
import { noticeOf } from './notice.js'
import type { Deliver } from './notice.js'

export interface AlarmMessengerPorts {
  clock: Clock
  log: Log
  alarms: Alarms
  deliver: Deliver
  /** Which coordinator says so. */
  coordinator: string
}

const FIRST_PAUSE_MS: Ms = 5 * SECOND
const LONGEST_PAUSE_MS: Ms = 10 * MINUTE

export class AlarmMessenger {
  readonly #ports: AlarmMessengerPorts
  readonly #nap: Nap
  #running: Promise<void> | undefined
  #stopped = true
  #changed = false

  constructor(ports: AlarmMessengerPorts) {
    this.#ports = ports
    this.#nap = new Nap(ports.clock)
  }

  start(): void {
    this.#stopped = false
    this.#ports.alarms.onChange = () => this.#look()
    this.#look()
  }

  /** What is on its way is let finish. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#ports.alarms.onChange = () => {}
    this.#nap.wake()
    await this.#running
  }

  #look(): void {
    this.#changed = true
    if (this.#stopped || this.#running) return
    // In its own turn: whoever raises an alarm has more to do, and must not fail with the telling.
    this.#running = Promise.resolve()
      .then(() => this.#tell())
      .catch((error: unknown) => this.#ports.log.error('alarms cannot be told', { error: errorChain(error) }))
      .finally(() => {
        this.#running = undefined
        // Raised in the instant between the last look and now.
        if (this.#changed && !this.#stopped) this.#look()
      })
  }

  async #tell(): Promise<void> {
    const { alarms, log } = this.#ports
    let pauseMs = FIRST_PAUSE_MS
    this.#changed = false
    for (let next = alarms.untold(); next && !this.#stopped; next = alarms.untold()) {
      if (await this.#delivered(next)) {
        pauseMs = FIRST_PAUSE_MS
        continue
      }
      log.warn('an alarm could not be told; it will be tried again', { key: next.key, againMs: pauseMs })
      if (!this.#stopped) await this.#nap.sleep(pauseMs)
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    }
  }

  async #delivered(alarm: AlarmEntry): Promise<boolean> {
    const { alarms, coordinator, deliver, log } = this.#ports
    try {
      await deliver(noticeOf(coordinator, alarm))
      alarms.told(alarm)
      return true
    } catch (error) {
      log.warn('alarm not taken', { key: alarm.key, error: errorChain(error) })
      return false
    }
  }
}
