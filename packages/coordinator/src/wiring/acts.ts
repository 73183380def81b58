/** What the coordinator does to hosts and VMs: moves, starts of VMs that died with a host, standby and wake. */
import { bootPolicyOf } from '@heliotrope/shared'
import type { HostId, VmId } from '@heliotrope/shared'
import type { Sessions } from '../ingest/sessions.js'
import type { CoordinatorPorts } from '../ports.js'
import { agentActor } from '../power/agent-actor.js'
import { whyAwake } from '../power/candidate.js'
import { defaultPowerLimits, HostPower } from '../power/host-power.js'
import { Epochs } from '../saga/epochs.js'
import { LostAndFound } from '../saga/lost-and-found.js'
import type { MoveState } from '../saga/records.js'
import { Sagas } from '../saga/sagas.js'
import type { Fleet } from '../state/fleet.js'
import type { VmNote } from '../state/notes.js'
import type { ForeignWatch } from '../state/foreign-watch.js'
import { wakersOf } from '../state/snapshot.js'
import type { Stores } from './stores.js'

export interface ActsWiring {
  fleet: Fleet
  sessions: Sessions
  hostPower: HostPower
  foreign: ForeignWatch
  paused: () => boolean
  moveEnded: (state: MoveState) => void
}

export function actsOf(
  { clock, rng, log, journal, signer, config, controls }: CoordinatorPorts,
  { alarms, audit, enrolment, refusals }: Stores,
  { fleet, sessions, hostPower, foreign, paused, moveEnded }: ActsWiring,
): { sagas: Sagas; lostAndFound: LostAndFound } {
  const epochs = new Epochs()
  const sagaPorts = {
    ...{ clock, rng, log, journal, signer, audit, alarms, refusals },
    agents: sessions,
    fleet: {
      vm: (id: VmId) => fleet.snapshot().vms.find(vm => vm.uuid === id),
      host: (id: HostId) => {
        const host = fleet.host(id)
        const going = fleet.hostNote(id).power === 'going'
        return host && { ...host, ...(going && { closed: 'it is on its way to standby' }) }
      },
      runningAt: (id: VmId) => fleet.places().get(id)?.runningAt ?? [],
      note: (id: VmId, change: Partial<VmNote>) => fleet.note(id, change),
    },
  }
  const lostAndFound: LostAndFound = new LostAndFound({
    ...{ ...sagaPorts, epochs, paused },
    noteOf: vm => fleet.noteOf(vm),
    hosts: () => fleet.hosts(),
    policy: (vm, name) => bootPolicyOf(config.boot, vm, name),
    boot: config.boot,
    enrolled: () => enrolment.list().filter(({ revokedAt }) => revokedAt === undefined),
    partiesOf: vm => sagas.partiesOf(vm),
    openMoves: () => sagas.open().flatMap(({ granted }) => granted?.grant.body ?? []),
    supersede: (move, why) => sagas.supersede(move, why),
    booted: (vm, host) => foreign.broughtBy(vm, host),
    controls: controls ?? new Map(),
    standsBy: host => hostPower.record(host).state !== 'awake',
  })
  const { startMs, maxPerHost, limits: move } = config.moves
  const sagas: Sagas = new Sagas(
    { ...sagaPorts, limits: { startMs, maxPerHost, move }, ended: moveEnded },
    epochs,
  )
  return { sagas, lostAndFound }
}

export interface PowerWiring {
  fleet: Fleet
  sessions: Sessions
  /** Hosts of moves and boots that have not ended. */
  openMoves: () => { from: HostId; to: HostId }[]
  plannedTargets: () => ReadonlySet<HostId>
}

export function hostPowerOf(
  { clock, log, config }: CoordinatorPorts,
  { alarms, audit, hostPowers }: Stores,
  { fleet, sessions, openMoves, plannedTargets }: PowerWiring,
): { hostPower: HostPower; whyAwakeNow: (host: HostId) => string | undefined } {
  const floors = new Map<string, number>(config.sites.map(site => [site.id, site.awakeFloor ?? 0]))
  const keepAwake = new Set(config.hosts.flatMap(host => (host.keepAwake ? host.id : [])))
  const whyAwakeNow = (host: HostId): string | undefined =>
    whyAwake(
      {
        at: clock.wall(),
        hosts: fleet.hosts(),
        noteOf: id => fleet.hostNote(id),
        floorOf: site => floors.get(site) ?? 0,
        openMoves: openMoves(),
        plannedTargets: plannedTargets(),
        keepAwake,
        reportMaxAgeMs: config.policy.reportMaxAgeMs,
      },
      host,
    )
  const hostPower: HostPower = new HostPower({
    ...{ clock, log, audit, alarms },
    store: hostPowers,
    limits: defaultPowerLimits,
    actor: agentActor({
      agents: sessions,
      bootIdOf: host => fleet.host(host)?.bootId,
      wakersOf: host => wakersOf({ id: host }, fleet.hosts()).map(({ id }) => id),
      now: () => Math.round(clock.wall()),
    }),
    connected: host => sessions.connected(host),
    against: whyAwakeNow,
    changed: host => fleet.noteHost(host, { power: hostPower.record(host).state }),
  })
  return { hostPower, whyAwakeNow }
}
