/**
 * Looks after VMs that died with a host: has each started again where that is certain and its policy allows, and says so
 * where it is not. Not at once: after a power cut hosts come back one after the other, and so do their reports.
 */
import { errorChain, MINUTE, SECOND } from '@heliotrope/shared'
import type { Cancel, Clock, HostId, Log, Ms, VmId } from '@heliotrope/shared'
import type { BootRequest } from '../saga/boots.js'
import type { Alarms } from '../store/alarms.js'
import type { LostView } from './lost-vms.js'

export interface LostWatchPorts {
  clock: Clock
  log: Log
  alarms: Alarms
  lost: () => LostView[]
  connected: (host: HostId) => boolean
  /** What the operator wants of this VM after a power cut. */
  policy: (vm: VmId, name: string) => 'auto' | 'manual'
  /** No new act now (`heliotrope pause`). */
  paused: () => boolean
  /** @throws what stands against it */
  boot: (request: BootRequest) => void
}

const SOURCE = 'coordinator'
const PREFIX = 'lost/'
const PERSISTS_MS: Ms = 10 * SECOND
/** After a try that came to nothing. */
const AGAIN_MS: Ms = 5 * MINUTE

export class LostWatch {
  readonly #ports: LostWatchPorts
  readonly #since = new Map<VmId, Ms>()
  readonly #triedAt = new Map<VmId, Ms>()
  /** Why the last try failed. */
  readonly #failed = new Map<VmId, string>()
  #again: Cancel = () => {}

  constructor(ports: LostWatchPorts) {
    this.#ports = ports
  }

  /** To be called after each important change of the fleet. */
  look(): void {
    const { clock, log, lost: find } = this.#ports
    this.#again()
    const now = clock.mono()
    let lost: LostView[]
    try {
      lost = find()
    } catch (error) {
      log.error('lost VMs cannot be looked for', { error: errorChain(error) })
      this.#again = clock.after(PERSISTS_MS, () => this.look())
      return
    }
    const names = new Set(lost.map(({ vm }) => vm))
    for (const vm of this.#since.keys()) if (!names.has(vm)) this.#since.delete(vm)
    // Also those that an earlier process raised.
    for (const { vm } of this.#raised()) if (!names.has(vm)) this.#clear(vm)
    for (const view of lost) {
      const since = this.#since.get(view.vm) ?? now
      this.#since.set(view.vm, since)
      if (now - since >= PERSISTS_MS) this.#care(view)
    }
    this.#again = lost.length > 0 ? clock.after(PERSISTS_MS, () => this.look()) : () => {}
  }

  /** A boot has ended; why, if the VM was not started. */
  ended(vm: VmId, failed?: string): void {
    if (failed === undefined) this.#failed.delete(vm)
    else this.#failed.set(vm, failed)
  }

  stop(): void {
    this.#again()
  }

  #care(view: LostView): void {
    const why = this.#against(view)
    if (why !== undefined) return this.#tell(view, why)
    const { clock, log } = this.#ports
    this.#triedAt.set(view.vm, clock.mono())
    try {
      const { vm, name, config, epoch, host, others } = view
      const reason = [
        {
          by: 'coordinator',
          why: `${name} died with ${host}: boot policy auto`,
          at: Math.round(clock.wall()),
        },
      ]
      if (config)
        this.#ports.boot({
          vm,
          name,
          config,
          epoch,
          to: host,
          others: others.filter(id => id !== host),
          reason,
        })
    } catch (error) {
      log.warn('a lost VM cannot be started', { vm: view.name, error: errorChain(error) })
      this.#tell(view, errorChain(error))
    }
  }

  /** What keeps it from being started now, in words; undefined if nothing does. */
  #against({ vm, name, host, doubt, blocked, config }: LostView): string | undefined {
    const { clock, connected, paused, policy } = this.#ports
    if (config === undefined) return 'its config is not known'
    if (blocked !== undefined || doubt !== undefined) return blocked ?? doubt
    if (!connected(host)) return `${host}, with which it died, is off`
    if (policy(vm, name) === 'manual') return 'its boot policy is manual'
    if (paused()) return 'acting is paused'
    const tried = this.#triedAt.get(vm)
    if (tried !== undefined && clock.mono() - tried < AGAIN_MS)
      return this.#failed.get(vm) ?? 'it was tried a moment ago'
    return undefined
  }

  #tell({ vm, name, host, givenUp }: LostView, why: string): void {
    const died = givenUp ? '' : `died with ${host} and `
    const text = `${name} ${died}runs nowhere; it is not started: ${why}`.slice(0, 1000)
    const before = this.#raised().find(one => one.vm === vm)
    if (before?.text === text) return
    if (before) this.#clear(vm)
    const remedy = `heliotrope vms boot ${name} [--at HOST], when it is certain that it runs nowhere else`
    this.#ports.alarms.raise(SOURCE, PREFIX + vm, text, remedy)
  }

  #clear(vm: VmId): void {
    this.#ports.alarms.clear(SOURCE, PREFIX + vm)
  }

  #raised(): { vm: VmId; text: string }[] {
    return this.#ports.alarms
      .raised()
      .filter(({ source, key }) => source === SOURCE && key.startsWith(PREFIX))
      .map(({ key, text }) => ({ vm: key.slice(PREFIX.length) as VmId, text }))
  }
}
