/** From host records to the Snapshot: the only thing a planner sees. Pure. */
import type {
  Epoch,
  HostId,
  HostPowerModel,
  HostPowerState,
  HostState,
  Ms,
  SiteConfig,
  SiteState,
  Snapshot,
  VmConfig,
  VmId,
  VmState,
} from '@heliotrope/shared'
import { rulesOf } from '../config/rules.js'
import type { VmRule } from '../config/rules.js'
import { costFor } from '../store/move-costs.js'
import type { LearntMoveCost } from '../store/move-costs.js'
import type { HostNote, VmNote } from './fleet.js'
import type { HostRecord } from './host-record.js'
import { baseName } from './owners.js'
import type { Whereabouts } from './owners.js'
import { idleOf } from './idle-fit.js'
import { siteReading } from './site-power.js'
import { hostPower } from './vm-power.js'
import type { HostPower } from './vm-power.js'

/** No VM was ever moved so often; and above it there is room for as many again, a thousand times. */
const MAX_BARE_EPOCH: Epoch = 2 ** 40

export interface SnapshotInput {
  at: Ms
  sites: readonly SiteConfig[]
  /** Sorted by id. */
  hosts: readonly HostRecord[]
  places: ReadonlyMap<VmId, Whereabouts>
  noteOf: (vm: VmId) => VmNote
  hostNoteOf: (host: HostId) => HostNote
  /** Why it must not be moved from this host, whatever it could: others claim it. */
  against?: (vm: VmId, at: HostId, config: VmConfig | undefined) => string[]
  /** Whether the config pins it. */
  pinnedByConfig: (vm: VmState) => boolean
  /** Names and uuids of VMs that may move by save and restore. */
  regular: readonly string[]
  power: HostPowerModel
  hostModels: ReadonlyMap<HostId, HostPowerModel>
  meterStaleMs: Ms
  rules: readonly VmRule[]
  foreignRestMs: Ms
  moveCosts: () => ReadonlyMap<VmId, LearntMoveCost>
}

export function buildSnapshot(input: SnapshotInput): Snapshot {
  const { at, sites, hosts, places } = input
  const powers = new Map(
    hosts.map(host => [
      host.id,
      host.facts && hostPower(host.cpu, host.facts, modelOf(input, host), idleOf(host.idle)),
    ]),
  )
  return {
    at,
    sites: sites.map(site =>
      siteState(
        site,
        hosts.filter(host => host.site === site.id),
        powers,
        input,
      ),
    ),
    hosts: hosts.flatMap(host => hostState(host, powers.get(host.id), input)),
    vms: [...places]
      .map(([uuid, place]) => vmState(uuid, place, powers.get(place.owner.host.id), input))
      .map(vm => (input.pinnedByConfig(vm) ? { ...vm, pinned: true } : vm))
      .sort((a, b) => (a.uuid < b.uuid ? -1 : 1)),
  }
}

function siteState(
  site: SiteConfig,
  hosts: readonly HostRecord[],
  powers: ReadonlyMap<string, HostPower | undefined>,
  input: SnapshotInput,
): SiteState {
  const { at, meterStaleMs } = input
  const fresh = hosts.filter(host => host.connected || at - host.lastReportAt <= meterStaleMs)
  const samples = fresh.flatMap(host => host.samples.map(sample => ({ ...sample, host: host.id })))
  const green = siteReading(samples, 'green-power', at, meterStaleMs)
  const load = siteReading(samples, 'load', at, meterStaleMs)
  const drawn = hosts.reduce((sum, host) => {
    // One that sleeps says nothing any more; what it said last is not what it draws.
    const asleep = input.hostNoteOf(host.id).power === 'standby' && !host.connected
    if (asleep) return sum + modelOf(input, host).standbyW
    return fresh.includes(host) ? sum + (powers.get(host.id)?.totalW ?? 0) : sum
  }, 0)
  return {
    id: site.id,
    name: site.name,
    mode: site.mode,
    gridIntensity: site.gridIntensity,
    ...(green.valueW === undefined ? {} : { greenW: green.valueW }),
    greenQuality: green.quality,
    loadW: load.valueW ?? drawn,
    ...(green.meters.length + load.meters.length > 0 && { meters: [...green.meters, ...load.meters] }),
    ...(site.standby !== undefined && { standby: site.standby }),
    ...(site.awakeFloor !== undefined && { awakeFloor: site.awakeFloor }),
    ...(site.pue !== undefined && { pue: site.pue }),
  }
}

const modelOf = (input: SnapshotInput, host: HostRecord): HostPowerModel =>
  input.hostModels.get(host.id) ?? input.power

function hostState(host: HostRecord, power: HostPower | undefined, input: SnapshotInput): HostState[] {
  if (!host.facts) return []
  const dom0W = power?.domainsW.get('dom0')
  const powerW: Pick<HostState, 'powerW' | 'idleW' | 'dom0W'> =
    power && !power.estimated
      ? { powerW: power.totalW, idleW: power.idleW, ...(dom0W !== undefined && { dom0W }) }
      : {}
  const { id, site, connected, lastReportAt, bootId, facts, domains, findings, moves } = host
  const note = input.hostNoteOf(id)
  const state = { id, site, connected, lastReportAt, bootId, facts, domains, ...powerW, findings, moves }
  return [
    {
      ...state,
      powerState: powerStateOf(host, note),
      powerModel: modelOf(input, host),
      canStandby: facts.standby !== undefined && wakersOf(host, input.hosts).length > 0,
      ...(note.drained === true && { draining: true }),
    },
  ]
}

/** Who speaks is awake, whatever was ordered; who is silent without an order is a riddle. */
const powerStateOf = ({ connected }: HostRecord, { power }: HostNote): HostPowerState =>
  power === 'awake' && !connected ? 'unknown' : power

/** Hosts that have the means to wake this one, connected or not. */
export const wakersOf = <H extends Pick<HostRecord, 'id' | 'facts'>>(
  host: Pick<HostRecord, 'id'>,
  hosts: readonly H[],
): H[] => hosts.filter(other => other.id !== host.id && other.facts?.wakes?.includes(host.id))

/** Where the next grant's number starts from: what is certified; where nothing is, what the host that has it says, within reason. */
export const numbering = ({ epoch, owner }: Pick<VmNote, 'epoch' | 'owner'>, said: Epoch): Epoch =>
  owner === undefined ? Math.max(epoch, Math.min(said, MAX_BARE_EPOCH)) : epoch

function vmState(
  uuid: VmId,
  { owner, foreign }: Whereabouts,
  power: HostPower | undefined,
  input: SnapshotInput,
): VmState {
  const { host, domain } = owner
  const note = input.noteOf(uuid)
  const name = baseName(domain.config?.name ?? domain.name)
  const learnt = input.moveCosts().get(uuid)
  const foreignRest = restText(note, input)
  const against = input.against?.(uuid, host.id, domain.config) ?? []
  const busy = note.busy ?? (domain.move === note.endedMove ? undefined : domain.move)
  return {
    uuid,
    name,
    host: host.id,
    site: host.site,
    state: domain.state,
    ...(domain.config ? { config: domain.config } : {}),
    memoryMiB: domain.memoryMiB,
    powerW: power?.domainsW.get(uuid) ?? 0,
    liveBlockers: [...domain.liveBlockers, ...against],
    regularBlockers: [...domain.regularBlockers, ...against],
    ...(input.regular.some(word => word === name || word === uuid) && { regularAllowed: true }),
    epoch: numbering(note, domain.epoch),
    ...(busy === undefined ? {} : { busy }),
    ...(note.movingTo === undefined ? {} : { movingTo: note.movingTo }),
    pinned: note.pinned,
    ...(note.lastMovedAt === undefined ? {} : { lastMovedAt: note.lastMovedAt }),
    ...(note.lastTriedAt === undefined ? {} : { lastTriedAt: note.lastTriedAt }),
    ...(learnt && { moveCost: costFor(learnt, domain.memoryMiB) }),
    ...rulesOf(input.rules, { uuid, name }),
    ...(foreign &&
      note.busy === undefined && { foreignMove: 'its copies show a migration that is not ours' }),
    ...(foreignRest !== undefined && { foreignRest }),
  }
}

/** In words, for a rest after somebody else moved it. */
function restText(note: VmNote, { at, foreignRestMs }: SnapshotInput): string | undefined {
  return note.foreign && at - note.foreign.at < foreignRestMs ? note.foreign.text : undefined
}
