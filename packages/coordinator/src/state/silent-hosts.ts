/** Says so when a host with running VMs has been silent for long: whether they still run there nobody else can know. */
import { MINUTE } from '@heliotrope/shared'
import type { Cancel, Clock, HostId, Ms, VmId } from '@heliotrope/shared'
import type { Alarms } from '../store/alarms.js'
import type { HostRecord } from './host-record.js'

export interface SilentHostsPorts {
  clock: Clock
  alarms: Alarms
  hosts: () => readonly HostRecord[]
  /** It is known to be off. */
  fenced: (host: HostId) => boolean
  /** An admin has said that it does not run this VM. */
  vouched?: (host: HostRecord, vm: VmId) => boolean
  /** Something can say, and see to it, that it is off. */
  controlled: (host: HostId) => boolean
}

const SILENT_MS: Ms = 3 * MINUTE

export class SilentHosts {
  readonly #ports: SilentHostsPorts
  readonly #since = new Map<HostId, Ms>()
  #again: Cancel = () => {}

  constructor(ports: SilentHostsPorts) {
    this.#ports = ports
  }

  /** To be called after each important change of the fleet. */
  look(): void {
    const { alarms, clock, controlled, fenced, hosts, vouched } = this.#ports
    this.#again()
    this.#again = () => {}
    const now = clock.mono()
    let next = Infinity
    for (const host of hosts()) {
      const { id, connected, domains } = host
      const running = domains
        .filter(({ state, uuid }) => state === 'running' && !vouched?.(host, uuid))
        .map(domain => domain.name)
      if (connected || running.length === 0 || fenced(id)) {
        this.#since.delete(id)
        alarms.clear('coordinator', `silent/${id}`)
        continue
      }
      const since = this.#since.get(id) ?? now
      this.#since.set(id, since)
      if (now - since < SILENT_MS) next = Math.min(next, since + SILENT_MS - now)
      else
        alarms.raise(
          'coordinator',
          `silent/${id}`,
          `${id} has not answered for ${SILENT_MS / MINUTE} min; when last heard it ran ${running.slice(0, 10).join(', ')}`,
          `bring ${id} or its line back; or, if it is off for certain: heliotrope fence ${id} ${controlled(id) ? '--confirm ' : ''}--reason ..., then heliotrope vms boot NAME --at HOST`,
        )
    }
    if (next < Infinity) this.#again = clock.after(next, () => this.look())
  }

  stop(): void {
    this.#again()
  }
}
