/** Puts the coordinator together: the order of its parts, and who knows whom. It only wires, with the help of wiring/. */
import { every, HOUR, MINUTE } from '@heliotrope/shared'
import type { Cancel, Socket, VmId } from '@heliotrope/shared'
import { moveCost, wayOf } from '@heliotrope/planner'
import { AlarmMessenger } from './alarm/alarm-messenger.js'
import { consoleHandlers } from './console/console.js'
import type { Console, ConsolePorts } from './console/console.js'
import type { Agents } from './ingest/sessions.js'
import type { CoordinatorPorts } from './ports.js'
import { startAll, stopAll, tellAll } from './parts.js'
import type { CoordinatorPart } from './parts.js'
import type { HostPower } from './power/host-power.js'
import type { Reconciler } from './reconcile/reconcile.js'
import type { LostAndFound } from './saga/lost-and-found.js'
import type { Sagas } from './saga/sagas.js'
import type { Fleet } from './state/fleet.js'
import type { Alarms } from './store/alarms.js'
import type { Enrolment } from './store/enrolment.js'
import { TrustAnnouncer } from './trust/announce.js'
import { actsOf, hostPowerOf } from './wiring/acts.js'
import { fleetOf, fleetParts, sessionsOf } from './wiring/fleet.js'
import { forecastsOf, learnerOf, reconcilerOf } from './wiring/planning.js'
import { openStores } from './wiring/stores.js'
import type { Stores } from './wiring/stores.js'

export interface Coordinator {
  start(): void
  /** Ends sessions and lets moves be; agents finish those alone. Leaves journal and db open. */
  stop(): Promise<void>
  /** Takes over a socket on which an agent will say hello; its `peer` must name an enrolled host and its key. */
  accept(socket: Socket): void
  console: Console
  /** By which commands go past all checks of the parts: what an agent must see to by itself is tried with it. */
  agents: Agents
  enrolment: Enrolment
  fleet: Fleet
  sagas: Sagas
  lostAndFound: LostAndFound
  reconciler: Reconciler
  hostPower: HostPower
  alarms: Pick<Alarms, 'raised'>
}

/** Does nothing until `start`. All time, randomness and I/O come from the ports. */
export function createCoordinator(ports: CoordinatorPorts): Coordinator {
  const { clock, log, signer } = ports
  const stores = openStores(ports)
  const { alarms, enrolment } = stores
  const parts: CoordinatorPart[] = []
  const pause = pauseSwitch(stores)

  const fleet = fleetOf(ports, stores)
  const { sessions, intake } = sessionsOf(ports, stores, {
    fleet,
    arrived: tellAll(parts, 'hostArrived'),
    left: tellAll(parts, 'hostLeft'),
    sagas: () => sagas,
  })
  const watches = fleetParts(ports, stores, fleet, tellAll(parts, 'fleetChanged'))
  const announcer: TrustAnnouncer = new TrustAnnouncer({
    ...{ clock, log, enrolment, agents: sessions },
    ...(ports.keys && { keys: ports.keys }),
    signer: () => signer.fingerprint,
  })
  const { hostPower, whyAwakeNow } = hostPowerOf(ports, stores, {
    ...{ fleet, sessions },
    openMoves: () => [...sagas.engaged(), ...lostAndFound.boots.engaged()],
    plannedTargets: () => reconciler.plannedTargets(),
  })
  const { sagas, lostAndFound } = actsOf(ports, stores, {
    ...{ fleet, sessions, hostPower, foreign: watches.foreign },
    paused: () => pause.paused,
    moveEnded: tellAll(parts, 'moveEnded'),
  })
  const learner = learnerOf(ports, stores, fleet)
  const forecasts = forecastsOf(ports, stores)
  const reconciler = reconcilerOf(ports, stores, {
    ...{ fleet, forecasts, sagas, hostPower },
    paused: () => pause.paused,
  })
  const messenger = ports.alarm && new AlarmMessenger({ clock, log, alarms, ...ports.alarm })

  parts.push(
    // First, and so stopped last: told is what the others still raise, noted what they still record.
    { name: 'alarm-messenger', start: () => messenger?.start(), stop: () => messenger?.stop() },
    housekeeping(ports, stores, sagas),
    { name: 'pause', start: () => pause.load() },
    ...watches.parts,
    { name: 'learner', moveEnded: state => learner.ended(state), stop: () => learner.stop() },
    { name: 'intake', start: () => intake.start(), stop: () => intake.stop() },
    {
      name: 'host-power',
      openActs: () => hostPower.openActs(),
      start: () => hostPower.start(),
      hostArrived: ({ host }) => hostPower.arrived(host),
      hostLeft: host => hostPower.left(host),
      stop: () => hostPower.stop(),
    },
    { name: 'trust', hostArrived: ({ host }) => announcer.tell(host), stopping: () => announcer.stop() },
    {
      name: 'moves',
      start: openActs => sagas.start(openActs),
      hostArrived: ({ host }) => sagas.poke(host),
      stopping: () => void sagas.stop(),
      stop: () => sagas.stop(),
    },
    {
      name: 'cold-boots',
      openActs: () => lostAndFound.openActs(),
      start: () => lostAndFound.start(),
      hostArrived({ host, bootId }) {
        lostAndFound.arrived(host, bootId)
        lostAndFound.orders.tell(host)
      },
      fleetChanged: () => lostAndFound.look(),
      moveEnded: () => lostAndFound.look(),
      stopping: () => void lostAndFound.stop(),
      stop: () => lostAndFound.stop(),
    },
    { name: 'forecasts', start: () => forecasts.start(), stop: () => forecasts.stop() },
    {
      name: 'reconciler',
      start: () => reconciler.start(),
      fleetChanged: () => reconciler.wake(),
      stopping: () => reconciler.stop(),
    },
    { name: 'simulation', moveEnded: state => ports.moveEnded?.(state) },
  )

  return {
    start: () => startAll(parts),
    stop: () => stopAll(parts, () => sessions.stop()),
    accept: socket => sessions.accept(socket),
    console: consoleHandlers({
      ...consolePorts(ports, stores),
      ...{ forecasts, fleet, sagas, lostAndFound, sessions, reconciler, announcer },
      power: hostPower,
      agents: sessions,
      whyAwake: whyAwakeNow,
      paused: () => pause.paused,
      setPaused(value) {
        pause.set(value)
        if (!value) reconciler.wake()
      },
    }),
    agents: sessions,
    ...{ enrolment, fleet, sagas, lostAndFound, reconciler, hostPower, alarms },
  }
}

/** Whether the operator has paused the starting of moves; remembered over a restart. */
function pauseSwitch({ memory }: Stores) {
  const key = 'paused'
  let paused = false
  return {
    get paused(): boolean {
      return paused
    },
    load: () => void (paused = memory.setting(key) === 'yes'),
    set(value: boolean) {
      memory.setSetting(key, value ? 'yes' : 'no')
      paused = value
    },
  }
}

/** Old telemetry and plans are thinned; our own journal's head is noted, so that a cut tail shows. */
function housekeeping(
  { clock, journal }: CoordinatorPorts,
  { memory, plans, telemetry }: Stores,
  sagas: Sagas,
): CoordinatorPart {
  const noteHead = (): void => memory.noteHead('coordinator', journal.head(), clock.wall())
  let cancels: Cancel[] = []
  return {
    name: 'housekeeping',
    start() {
      cancels = [
        every(clock, HOUR, () => {
          telemetry.thin(clock.wall())
          plans.thin(clock.wall(), sagas.plansUsed())
        }),
        every(clock, MINUTE, noteHead),
      ]
    },
    stopping() {
      for (const cancel of cancels) cancel()
    },
    stop: noteHead,
  }
}

/** What the console needs of the ports and the stores alone. */
function consolePorts(ports: CoordinatorPorts, stores: Stores) {
  const { clock, config, createToken, journal, keys, planner } = ports
  const { policy } = config
  const { alarms, audit, drains, enrolment, memory, plans } = stores
  return {
    ...{ clock, alarms, audit, drains, enrolment, memory, plans, journal },
    name: ports.alarm?.coordinator ?? 'coordinator',
    sites: config.sites.map(site => site.id),
    ...(ports.alarm && { tellAlarm: ports.alarm.deliver }),
    ...(keys && { keys }),
    ...(createToken && { createToken }),
    checkMove: (snapshot, vm, to) => planner.checkMove(snapshot, policy, vm as VmId, to),
    stillMs: vm => (wayOf(vm) === 'regular' ? moveCost(policy, vm).durationMs : undefined),
    explain: (plan, snapshot, vm) => planner.explain(plan, snapshot, vm as VmId),
  } satisfies Partial<ConsolePorts>
}
