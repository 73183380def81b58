/** Where each VM is, from what all hosts see: it runs in one place, but its copies may be seen in several. */
import type { Domain, HostId, VmId } from '@heliotrope/shared'
import type { HostRecord } from './host-record.js'

export interface Sighting {
  host: HostRecord
  domain: Domain
}

export interface Whereabouts {
  /** The place that counts. */
  owner: Sighting
  /** Connected hosts on which it executes now: more than one must never be. */
  runningAt: HostId[]
  /** Its copies show a migration that no agent of ours takes part in. */
  foreign: boolean
}

export const INCOMING = '--incoming'
export const AWAY = '--migratedaway'

/** The VM's own name, without what `xl` appends during a migration. */
export const baseName = (name: string): string => name.replace(/--(incoming|migratedaway)$/, '')

export function whereabouts(hosts: Iterable<HostRecord>): Map<VmId, Whereabouts> {
  const sightings = new Map<VmId, Sighting[]>()
  for (const host of hosts)
    for (const domain of host.domains) {
      const seen = sightings.get(domain.uuid)
      if (seen) seen.push({ host, domain })
      else sightings.set(domain.uuid, [{ host, domain }])
    }
  const result = new Map<VmId, Whereabouts>()
  for (const [vm, seen] of sightings) {
    const [owner] = [...seen].sort(byRight)
    if (!owner) continue
    const runningAt = seen.filter(executes).map(({ host }) => host.id)
    result.set(vm, { owner, runningAt: [...new Set(runningAt)], foreign: foreignMigration(seen) })
  }
  return result
}

const foreignMigration = (seen: readonly Sighting[]): boolean =>
  seen.some(({ domain: { name } }) => name.endsWith(INCOMING) || name.endsWith(AWAY)) &&
  seen.every(({ domain }) => domain.move === undefined)

const executes = ({ host, domain }: Sighting): boolean => host.connected && domain.state === 'running'

/** The more it looks like the living VM, the further ahead; then the higher epoch; then who is connected. */
const byRight = (a: Sighting, b: Sighting): number =>
  liveness(b) - liveness(a) ||
  b.domain.epoch - a.domain.epoch ||
  Number(b.host.connected) - Number(a.host.connected) ||
  (a.host.id < b.host.id ? -1 : 1)

function liveness({ domain }: Sighting): number {
  if (domain.name.endsWith(INCOMING)) return 0
  switch (domain.state) {
    case 'running':
      return 4
    case 'paused':
      return 3
    case 'suspended':
      return domain.name.endsWith(AWAY) ? 1 : 2
    case 'dying':
    case 'poweroff':
    case 'reboot':
    case 'crashed':
      return 1
  }
}
