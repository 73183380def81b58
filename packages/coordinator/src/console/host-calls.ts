/** What people ask of hosts: to see them, to empty them for work, to send them to standby and to wake them. */
import { z } from 'zod'
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, HostId, Ms, ReasonStep } from '@heliotrope/shared'
import type { HostPower } from '../power/host-power.js'
import type { Fleet } from '../state/fleet.js'
import type { Audit } from '../store/audit.js'
import type { Drain, Drains } from '../store/drains.js'
import { by, none, why, word } from './argument-schemas.js'
import { findHost } from './lookup.js'
import type { HostView } from './views.js'

export interface HostCallPorts {
  clock: Clock
  fleet: Fleet
  power: HostPower
  drains: Drains
  audit: Audit
  /** Why it must stay awake now; undefined if it may stand by. */
  whyAwake: (host: HostId) => string | undefined
  paused: () => boolean
}

export const hostCallSchemas = {
  hosts: none,
  drain: z.object({ host: word, reason: why, by }),
  undrain: z.object({ host: word, reason: why, by }),
  standby: z.object({ host: word, reason: why, by }),
  wake: z.object({ host: word, reason: why, by }),
} as const

type Args<C extends keyof typeof hostCallSchemas> = z.output<(typeof hostCallSchemas)[C]>

export function hostCalls(ports: HostCallPorts) {
  const { clock, fleet, power, drains, audit } = ports
  const now = (): Ms => Math.round(clock.wall())
  const reasons = (who: string, text: string): ReasonStep[] => [{ by: who, why: text, at: now() }]
  const drainOf = (host: HostId): Drain | undefined => drains.all().find(drain => drain.host === host)
  const refusePaused = (): void => {
    if (ports.paused())
      throw new HeliotropeError('refused', 'acting is paused', { remedy: 'run: heliotrope resume' })
  }

  return {
    hosts(): HostView[] {
      const snapshot = fleet.snapshot()
      const drained = new Map(drains.all().map(drain => [drain.host, drain]))
      return snapshot.hosts.map(host => {
        const { id, site, connected, lastReportAt, facts, powerW, findings } = host
        const { since, why: ordered, by: who, state } = power.record(id)
        const awakeBecause = ports.whyAwake(id)
        const drain = drained.get(id)
        return {
          id,
          site,
          connected,
          lastReportAt,
          xenVersion: facts.xenVersion,
          cpus: facts.cpus,
          totalMemoryMiB: facts.totalMemoryMiB,
          freeMemoryMiB: facts.freeMemoryMiB,
          ...(powerW === undefined ? {} : { powerW }),
          vms: snapshot.vms.filter(vm => vm.host === id).length,
          findings: findings.filter(finding => finding.level === 'fail' || finding.level === 'warn').length,
          alarms: (fleet.host(id)?.alarms ?? []).map(({ key, text, remedy }) => ({ key, text, remedy })),
          power: host.powerState ?? 'unknown',
          ...(state !== 'awake' && { powerSince: since, powerReason: `${who}: ${ordered}` }),
          ...(awakeBecause !== undefined && { awakeBecause }),
          ...(drain && { drained: { by: drain.by, why: drain.why, at: drain.at } }),
        }
      })
    },
    async drain({ host: name, reason, by: who }: Args<'drain'>) {
      const { id } = findHost(fleet.snapshot(), name)
      const already = drainOf(id)
      if (already)
        throw new HeliotropeError('conflict', `${id} is drained already, by ${already.by}: ${already.why}`)
      const text = reason ?? 'drain'
      await audit.record({ what: 'host.drain', subject: id, reason: reasons(who, text) }, () => {
        drains.set({ host: id, by: who, why: text, at: now() })
        fleet.noteHost(id, { drained: true })
      })
      return { host: id, drained: true, vms: fleet.snapshot().vms.filter(vm => vm.host === id).length }
    },
    async undrain({ host: name, reason, by: who }: Args<'undrain'>) {
      const { id } = findHost(fleet.snapshot(), name)
      if (!drainOf(id)) throw new HeliotropeError('conflict', `${id} is not drained`)
      await audit.record(
        { what: 'host.undrain', subject: id, reason: reasons(who, reason ?? 'undrain') },
        () => {
          drains.clear(id)
          fleet.noteHost(id, { drained: false })
        },
      )
      return { host: id, drained: false, vms: fleet.snapshot().vms.filter(vm => vm.host === id).length }
    },
    standby({ host: name, reason, by: who }: Args<'standby'>) {
      refusePaused()
      const { id } = findHost(fleet.snapshot(), name)
      power.standBy(id, { by: who, why: reason ?? 'standby by hand' })
      return { host: id, power: power.record(id).state }
    },
    wake({ host: name, reason, by: who }: Args<'wake'>) {
      const { id } = findHost(fleet.snapshot(), name)
      power.wake(id, { by: who, why: reason ?? 'wake by hand' })
      return { host: id, power: power.record(id).state }
    },
  }
}
