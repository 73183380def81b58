/** Where each VM is, from what all hosts see: it runs in one place, but its copies may be seen in several. */
import type { Domain, HostId, VmId } from '@heliotrope/shared'
import type { Standing } from './evidence.js'
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

/** What counts of a host's word about a VM. */
export interface Weight {
  standing: Standing
  /** An owner is certified, and nothing of ours is about to change that. */
  settled: boolean
  /** Its bare word is forgotten. */
  dropped: boolean
}

const bare: Weight = { standing: 'bare', settled: false, dropped: false }

/** @param weigh default: nothing is certified */
export function whereabouts(
  hosts: Iterable<HostRecord>,
  weigh: (vm: VmId, host: HostRecord) => Weight = () => bare,
): Map<VmId, Whereabouts> {
  const sightings = new Map<VmId, Sighting[]>()
  for (const host of hosts)
    for (const domain of host.domains) {
      const seen = sightings.get(domain.uuid)
      if (seen) seen.push({ host, domain })
      else sightings.set(domain.uuid, [{ host, domain }])
    }
  const result = new Map<VmId, Whereabouts>()
  for (const [vm, seen] of sightings) {
    const [owner] = [...seen].sort(byRight(sighting => rankOf(sighting, weigh(vm, sighting.host)), vm))
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

/** The lower, the less its word counts: it is the certified owner, or nobody is; it is not; it has given the VM up, or is forgotten. */
function rankOf({ host }: Sighting, { standing, settled, dropped }: Weight): number {
  if (standing === 'owner') return 2
  if (dropped || (standing === 'gave-up' && !host.connected)) return 0
  return settled ? 1 : 2
}

/** Then the more it looks like the living VM; then who said so first: a later claim takes nothing from anybody. */
const byRight =
  (rank: (sighting: Sighting) => number, vm: VmId) =>
  (a: Sighting, b: Sighting): number =>
    rank(b) - rank(a) ||
    liveness(b) - liveness(a) ||
    (a.host.since?.[vm] ?? 0) - (b.host.since?.[vm] ?? 0) ||
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
