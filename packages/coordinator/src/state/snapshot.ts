/** From host records to the Snapshot: the only thing a planner sees. Pure. */
import type { HostState, Ms, SiteConfig, SiteState, Snapshot, VmId, VmState, W } from '@heliotrope/shared'
import type { VmNote } from './fleet.js'
import type { HostRecord } from './host-record.js'
import { baseName } from './owners.js'
import type { Whereabouts } from './owners.js'
import { siteReading } from './site-power.js'
import { hostPower } from './vm-power.js'
import type { HostPower, HostPowerModel } from './vm-power.js'

export interface SnapshotInput {
  at: Ms
  sites: readonly SiteConfig[]
  /** Sorted by id. */
  hosts: readonly HostRecord[]
  places: ReadonlyMap<VmId, Whereabouts>
  noteOf: (vm: VmId) => VmNote
  /** Whether the config pins it. */
  pinnedByConfig: (vm: VmState) => boolean
  power: HostPowerModel
  meterStaleMs: Ms
}

export function buildSnapshot(input: SnapshotInput): Snapshot {
  const { at, sites, hosts, places, noteOf } = input
  const powers = new Map(
    hosts.map(host => [host.id, host.facts && hostPower(host.cpu, host.facts, input.power)]),
  )
  const fresh = (host: HostRecord): boolean => host.connected || at - host.lastReportAt <= input.meterStaleMs
  return {
    at,
    sites: sites.map(site =>
      siteState(
        site,
        hosts.filter(host => host.site === site.id && fresh(host)),
        powers,
        input,
      ),
    ),
    hosts: hosts.flatMap(host => hostState(host, powers.get(host.id))),
    vms: [...places]
      .map(([uuid, place]) => vmState(uuid, place, noteOf(uuid), powers.get(place.owner.host.id)))
      .map(vm => (input.pinnedByConfig(vm) ? { ...vm, pinned: true } : vm))
      .sort((a, b) => (a.uuid < b.uuid ? -1 : 1)),
  }
}

function siteState(
  site: SiteConfig,
  hosts: readonly HostRecord[],
  powers: ReadonlyMap<string, HostPower | undefined>,
  { at, meterStaleMs }: SnapshotInput,
): SiteState {
  const samples = hosts.flatMap(host => host.samples)
  const green = siteReading(samples, 'green-power', at, meterStaleMs)
  const load = siteReading(samples, 'load', at, meterStaleMs)
  const drawn = hosts.reduce((sum, host) => sum + (powers.get(host.id)?.totalW ?? 0), 0)
  return {
    id: site.id,
    name: site.name,
    mode: site.mode,
    gridIntensity: site.gridIntensity,
    ...(green.valueW === undefined ? {} : { greenW: green.valueW }),
    greenQuality: green.quality,
    loadW: load.valueW ?? drawn,
  }
}

function hostState(host: HostRecord, power: HostPower | undefined): HostState[] {
  if (!host.facts) return []
  const powerW: { powerW?: W } = power && !power.estimated ? { powerW: power.totalW } : {}
  const { id, site, connected, lastReportAt, bootId, facts, domains, findings, moves } = host
  return [{ id, site, connected, lastReportAt, bootId, facts, domains, ...powerW, findings, moves }]
}

function vmState(uuid: VmId, { owner }: Whereabouts, note: VmNote, power: HostPower | undefined): VmState {
  const { host, domain } = owner
  const busy = note.busy ?? (domain.move === note.endedMove ? undefined : domain.move)
  return {
    uuid,
    name: baseName(domain.config?.name ?? domain.name),
    host: host.id,
    site: host.site,
    state: domain.state,
    ...(domain.config ? { config: domain.config } : {}),
    memoryMiB: domain.memoryMiB,
    powerW: power?.domainsW.get(uuid) ?? 0,
    liveBlockers: domain.liveBlockers,
    epoch: Math.max(note.epoch, domain.epoch),
    ...(busy === undefined ? {} : { busy }),
    ...(note.movingTo === undefined ? {} : { movingTo: note.movingTo }),
    pinned: note.pinned,
    ...(note.lastMovedAt === undefined ? {} : { lastMovedAt: note.lastMovedAt }),
    ...(note.lastTriedAt === undefined ? {} : { lastTriedAt: note.lastTriedAt }),
  }
}
