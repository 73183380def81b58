/**
 * Feeds the watchdog of this host as long as the host can do its work: this event loop turns, the disk of the journal
 * syncs, xl answers. An error is an answer, too: what is broken is told by alarms, and the VMs run on. Only who says
 * nothing at all for the watchdog's whole time has the machine rebooted, by the hypervisor.
 *
 * A coordinator takes no silence for evidence because of this (model/boot.pml, rule 4): a time that passed proves nothing.
 */
import { errorChain, HeliotropeError, SECOND } from '@heliotrope/shared'
import type { Alarm, Cancel, Clock, Log, Ms } from '@heliotrope/shared'
import type { ArmedWatchdog, ArmWatchdog } from '../drivers/watchdog/device.js'

export interface WatchdogPorts {
  clock: Clock
  log: Log
  arm: ArmWatchdog
  /** By name; each comes back, with an error or without, when that part of the host answers. */
  probes: Record<string, () => Promise<unknown>>
  everyMs: Ms
}

/** A round of probes that takes longer is told, while there is time. */
const LATE_MS: Ms = 15 * SECOND

export class Watchdog {
  readonly #ports: WatchdogPorts
  #armed: ArmedWatchdog | undefined
  #alarm: Alarm | undefined
  #late: Cancel = () => {}
  #next: Cancel = () => {}
  #stopped = false

  constructor(ports: WatchdogPorts) {
    this.#ports = ports
  }

  start(): void {
    void this.#round()
  }

  /** Disarms it, also while something hangs. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#late()
    this.#next()
    await this.#disarm()
  }

  /** Raised now. */
  alarms(): Alarm[] {
    return this.#alarm ? [this.#alarm] : []
  }

  /** No round before the last one ended: a probe that hangs is what starves the watchdog. */
  async #round(): Promise<void> {
    const { clock, everyMs } = this.#ports
    const silent = new Set(Object.keys(this.#ports.probes))
    this.#late = clock.after(LATE_MS, () => this.#starves([...silent], 'no answer'))
    const problems = await this.#probe(silent)
    this.#late()
    if (this.#stopped) return
    if (silent.size === 0) await this.#feed(problems)
    else this.#starves([...silent], problems.join('; '))
    if (!this.#stopped) this.#next = clock.after(everyMs, () => void this.#round())
  }

  /** Takes who answered out of `silent`. @returns what failed, in words */
  async #probe(silent: Set<string>): Promise<string[]> {
    const problems: string[] = []
    await Promise.all(
      Object.entries(this.#ports.probes).map(async ([name, probe]) => {
        try {
          await probe()
          silent.delete(name)
        } catch (error) {
          problems.push(`${name}: ${errorChain(error)}`)
          if (HeliotropeError.from(error).code !== 'timeout') silent.delete(name)
        }
      }),
    )
    return problems
  }

  async #feed(problems: string[]): Promise<void> {
    try {
      if (this.#armed) await this.#armed.feed()
      // A host that is broken already must not come to be rebooted over and over.
      else if (problems.length === 0) await this.#arm()
      else throw new HeliotropeError('unavailable', `it is not armed before all answer well: ${problems[0]}`)
      this.#clear()
    } catch (error) {
      const { message, remedy } = HeliotropeError.from(error)
      this.#raise(
        this.#armed ? `the watchdog cannot be fed: ${message}` : `this host has no watchdog: ${message}`,
        remedy ?? 'heliotrope-agent doctor; see the log of heliotrope-agent on this host',
      )
    }
  }

  async #arm(): Promise<void> {
    const { arm, log } = this.#ports
    this.#armed = await arm()
    if (this.#stopped) return this.#disarm()
    await this.#armed.feed()
    log.info('the watchdog is armed')
  }

  async #disarm(): Promise<void> {
    const armed = this.#armed
    this.#armed = undefined
    try {
      await armed?.disarm()
    } catch (error) {
      this.#ports.log.error(
        'the watchdog is not disarmed: it reboots this host unless the agent comes back',
        {
          error: errorChain(error),
        },
      )
    }
  }

  #starves(silent: string[], why: string): void {
    const who = `${silent.join(' and ')} (${why})`
    this.#raise(
      this.#armed
        ? `the watchdog is not fed, and will reboot this host: ${who}`
        : `this host has no watchdog: ${who}`,
      'look at what hangs; stopping heliotrope-agent disarms the watchdog',
    )
  }

  #raise(text: string, remedy: string): void {
    const { clock, log } = this.#ports
    if (this.#alarm?.text !== text.slice(0, 1000)) log.error('watchdog', { text })
    const at = this.#alarm?.at ?? clock.wall()
    this.#alarm = { key: 'watchdog', state: 'raised', text: text.slice(0, 1000), remedy, at }
  }

  #clear(): void {
    if (this.#alarm) this.#ports.log.info('the watchdog is fed again')
    this.#alarm = undefined
  }
}
