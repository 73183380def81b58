/** Puts the coordinator together. The one file that knows all parts, and it only wires. */
import { bootPolicyOf, every, HeliotropeError, HOUR, MINUTE } from '@heliotrope/shared'
import type { Cancel, Clock, HostId, Journal, Log, Ms, Rng, Signer, SiteId, Socket } from '@heliotrope/shared'
import { modelledMoveWh, moveCost, wayOf } from '@heliotrope/planner'
import type { SiteForecast, Solver } from '@heliotrope/planner'
import type { VmId } from '@heliotrope/shared'
import { AlarmMessenger } from './alarm/alarm-messenger.js'
import type { Deliver } from './alarm/notice.js'
import type { CoordinatorConfig } from './config/config.js'
import { consoleHandlers } from './console/console.js'
import type { Console } from './console/console.js'
import { meterOnly, noOutside } from './forecast/config.js'
import type { PowerControl } from './fence/power-control.js'
import { createForecastService } from './forecast/forecast-service.js'
import type { ForecastPorts } from './forecast/forecast-service.js'
import { openForecastStore } from './forecast/forecast-store.js'
import { noteJournalHead } from './ingest/journal-heads.js'
import { Intake } from './ingest/intake.js'
import { Sessions } from './ingest/sessions.js'
import { Reconciler } from './reconcile/reconcile.js'
import type { Planner } from './reconcile/planner.js'
import { Epochs } from './saga/epochs.js'
import { LostAndFound } from './saga/lost-and-found.js'
import { Sagas } from './saga/sagas.js'
import type { MoveState } from './saga/records.js'
import { MoveLearner } from './learn/move-learner.js'
import { expectations } from './outlook/expectations.js'
import { agentActor } from './power/agent-actor.js'
import { whyAwake } from './power/candidate.js'
import { defaultPowerLimits, HostPower } from './power/host-power.js'
import { DoubleWatch } from './state/double-watch.js'
import { Fleet } from './state/fleet.js'
import type { VmNoteChange } from './state/fleet.js'
import { ForeignWatch } from './state/foreign-watch.js'
import { wakersOf } from './state/snapshot.js'
import { openAlarms } from './store/alarms.js'
import type { Alarms } from './store/alarms.js'
import { openAudit } from './store/audit.js'
import type { Db } from './store/database.js'
import { openDrains } from './store/drains.js'
import { openEnrolment } from './store/enrolment.js'
import type { Enrolment, TokenBinding } from './store/enrolment.js'
import { openForeignMoves } from './store/foreign-moves.js'
import { openHostPowers } from './store/host-powers.js'
import { openFleetMemory } from './store/memory-of-fleet.js'
import { openMoveCosts } from './store/move-costs.js'
import { openPlans } from './store/plans.js'
import { openTelemetry } from './store/telemetry.js'
import { openRefusals } from './store/refusals.js'
import { admit } from './trust/admission.js'
import { TrustAnnouncer } from './trust/announce.js'
import type { KeyRing } from './trust/key-ring.js'

export interface CoordinatorPorts {
  clock: Clock
  rng: Rng
  log: Log
  /** Moves and audit. */
  journal: Journal
  db: Db
  /** Signs grants and commands. */
  signer: Signer
  planner: Planner
  config: Omit<
    CoordinatorConfig,
    'dataDir' | 'consoleSocket' | 'listen' | 'serverNames' | 'logLevel' | 'tokenLifeMs' | 'notes'
  >
  /** For the planner's linear programs. */
  solver: Solver
  /** The world outside, for weather and grid intensity; absent: forecasts are made of the sites' own meters alone. */
  outside?: Pick<ForecastPorts, 'http' | 'readFile'>
  /** Instead of the coordinator's own forecasts. */
  forecasts?: (at: Ms) => readonly SiteForecast[]
  /** Absent where there is no authority (the simulator). */
  createToken?: (binding: TokenBinding) => { token: string; expiresAt: number }
  /** How the signer is changed. Absent where there is no authority. */
  keys?: KeyRing
  /** Who is told of alarms beside the log, and the name by which this coordinator speaks. */
  alarm?: { deliver: Deliver; coordinator: string }
  /** What knows the power of a silent host. */
  controls?: ReadonlyMap<HostId, PowerControl>
  /** A move has ended. */
  moveEnded?: (state: MoveState) => void
}

export interface Coordinator {
  start(): void
  /** Ends sessions and lets moves be; agents finish those alone. Leaves journal and db open. */
  stop(): Promise<void>
  /** Takes over a socket on which an agent will say hello; its `peer` must name an enrolled host and its key. */
  accept(socket: Socket): void
  console: Console
  enrolment: Enrolment
  fleet: Fleet
  sagas: Sagas
  lostAndFound: LostAndFound
  reconciler: Reconciler
  hostPower: HostPower
  alarms: Pick<Alarms, 'raised'>
}

const PAUSED = 'paused'
/** A VM that somebody else moved is left alone at least so long. */
const FOREIGN_REST_MS: Ms = 30 * MINUTE

/** Does nothing until `start`. All time, randomness and I/O come from the ports. */
export function createCoordinator(ports: CoordinatorPorts): Coordinator {
  const { clock, rng, log, journal, db, signer, planner, config } = ports
  const sites: SiteId[] = config.sites.map(site => site.id)
  const [enrolment, telemetry, memory, plans] = [
    openEnrolment(db, clock),
    openTelemetry(db),
    openFleetMemory(db),
    openPlans(db),
  ]
  const alarms = openAlarms(db, clock, log)
  const messenger = ports.alarm && new AlarmMessenger({ clock, log, alarms, ...ports.alarm })
  const audit = openAudit(journal, rng, log)
  const { power, meterStaleMs, policy } = config
  const [costs, drains] = [openMoveCosts(db), openDrains(db)]
  const fleet = new Fleet({
    clock,
    sites: config.sites,
    power,
    hostModels: new Map(config.hosts.map(host => [host.id, host.power])),
    meterStaleMs,
    pinned: config.pinnedVms,
    regular: config.regularVms,
    rules: config.rules,
    foreignRestMs: Math.max(policy.cooldownMs, FOREIGN_REST_MS),
    moveCosts: () => costs.learnt(),
  })
  const doubles = new DoubleWatch(fleet, alarms, clock)
  const foreign = new ForeignWatch({ clock, log, fleet, audit, store: openForeignMoves(db) })
  const siteOf = (host: HostId) => fleet.host(host)?.site
  const learner = new MoveLearner({
    clock,
    log,
    costs,
    telemetry,
    siteOf,
    modelWh: bytes => modelledMoveWh(policy, bytes),
  })
  const floors = new Map<string, number>(config.sites.map(site => [site.id, site.awakeFloor ?? 0]))
  const keepAwake = new Set(config.hosts.flatMap(host => (host.keepAwake ? host.id : [])))
  const whyAwakeNow = (host: HostId): string | undefined =>
    whyAwake(
      {
        at: clock.wall(),
        hosts: fleet.hosts(),
        noteOf: id => fleet.hostNote(id),
        floorOf: site => floors.get(site) ?? 0,
        openMoves: [...sagas.engaged(), ...lostAndFound.boots.engaged()],
        plannedTargets: reconciler.plannedTargets(),
        keepAwake,
        reportMaxAgeMs: policy.reportMaxAgeMs,
      },
      host,
    )
  let paused = false

  const openMovesOf = (host: HostId) => (fleet.host(host)?.moves ?? []).map(({ move }) => move)
  const intake: Intake = new Intake({
    clock,
    log,
    fleet,
    telemetry,
    memory,
    alarms,
    ack: (host, bootId, seq) => sessions.ack(host, bootId, seq),
    movesChanged(host) {
      sagas.poke(host)
      sagas.help(host, openMovesOf(host), 'now')
    },
    movesOpen: host => sagas.help(host, openMovesOf(host), 'again'),
  })
  const sessions: Sessions = new Sessions({
    clock,
    rng,
    log,
    signer,
    reportMs: config.reportMs,
    admit(socket, hello) {
      try {
        admit(enrolment, sites, socket.peer, hello)
      } catch (error) {
        refusals.note('session', hello.host, HeliotropeError.from(error).message)
        throw error
      }
    },
    arrived(hello) {
      noteJournalHead({ memory, journal, alarms, clock }, hello)
      fleet.arrived(hello.host, hello.site, hello.key, hello.bootId)
      hostPower.arrived(hello.host)
      announcer.tell(hello.host)
      sagas.poke(hello.host)
      lostAndFound.arrived(hello.host, hello.bootId)
      lostAndFound.orders.tell(hello.host)
    },
    left(host) {
      fleet.left(host)
      hostPower.left(host)
    },
    report: (_, report) => intake.take(report),
    certificate: (_, certificate) => sagas.certificate(certificate),
  })
  const refusals = openRefusals({ clock, log, audit })
  const announcer: TrustAnnouncer = new TrustAnnouncer({
    clock,
    log,
    agents: sessions,
    enrolment,
    ...(ports.keys && { keys: ports.keys }),
    signer: () => signer.fingerprint,
  })
  const hostPower: HostPower = new HostPower({
    clock,
    log,
    audit,
    alarms,
    store: openHostPowers(db),
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
  const epochs = new Epochs()
  const sagaPorts = {
    clock,
    rng,
    log,
    journal,
    signer,
    fleet: {
      vm: (id: VmId) => fleet.snapshot().vms.find(vm => vm.uuid === id),
      host: (id: HostId) => {
        const host = fleet.host(id)
        const going = fleet.hostNote(id).power === 'going'
        return host && { ...host, ...(going && { closed: 'it is on its way to standby' }) }
      },
      runningAt: (id: VmId) => fleet.places().get(id)?.runningAt ?? [],
      note: (id: VmId, change: VmNoteChange) => fleet.note(id, change),
    },
    agents: sessions,
    audit,
    alarms,
  }
  const lostAndFound: LostAndFound = new LostAndFound({
    ...sagaPorts,
    ...{ enrolment, epochs, evidence: fleet.evidence, hosts: () => fleet.hosts(), keys: ports.keys },
    ...{ reconsider: () => fleet.reconsider(), paused: () => paused },
    noteOf: vm => fleet.noteOf(vm),
    policy: (vm, name) => bootPolicyOf(config.boot, vm, name),
    boot: config.boot,
    enrolled: () => enrolment.list().filter(({ revokedAt }) => revokedAt === undefined),
    partiesOf: vm => sagas.partiesOf(vm),
    openMoves: () => sagas.unsettled(),
    supersede: (move, why) => sagas.supersede(move, why),
    booted: (vm, host) => foreign.broughtBy(vm, host),
    controls: ports.controls ?? new Map(),
    standsBy: host => hostPower.record(host).state !== 'awake',
  })
  fleet.judge = lostAndFound.judge
  const sagas: Sagas = new Sagas(
    {
      ...sagaPorts,
      limits: {
        startMs: config.moves.startMs,
        maxPerHost: config.moves.maxPerHost,
        move: config.moves.limits,
      },
      ended(state) {
        foreign.ownMoveEnded(state)
        learner.ended(state)
        lostAndFound.look()
        ports.moveEnded?.(state)
      },
    },
    epochs,
  )
  const reconciler = new Reconciler({
    clock,
    log,
    planner,
    policy,
    solver: ports.solver,
    everyMs: config.reconcileMs,
    snapshot: () => fleet.snapshot(),
    forecasts: (at, states) => expectations(at, states, ports.forecasts?.(at) ?? forecasts.forecasts(at)),
    plans,
    paused: () => paused,
    movesEnded: () => sagas.ended(),
    request: request => sagas.request(request),
    power: hostPower,
  })
  const forecasts = createForecastService(
    { clock, rng, log, store: openForecastStore(db), telemetry, ...(ports.outside ?? noOutside) },
    config.forecasts ?? config.sites.map(meterOnly),
  )
  const noteOwnHead = (): void => memory.noteHead('coordinator', journal.head(), clock.wall())
  let cancels: Cancel[] = []

  return {
    start() {
      paused = memory.setting(PAUSED) === 'yes'
      for (const record of memory.loadHosts()) if (sites.includes(record.site)) fleet.restore(record)
      for (const [vm, pinned] of memory.pinned()) fleet.note(vm, { pinned })
      for (const { host } of drains.all()) fleet.noteHost(host, { drained: true })
      foreign.start()
      fleet.onChange = important => {
        if (!important) return
        doubles.look()
        foreign.look()
        lostAndFound.look()
        reconciler.wake()
      }
      intake.start()
      const openActs = [...hostPower.openActs(), ...lostAndFound.openActs()]
      hostPower.start()
      sagas.start(openActs)
      lostAndFound.start()
      forecasts.start()
      reconciler.start()
      messenger?.start()
      cancels = [
        every(clock, HOUR, () => {
          telemetry.thin(clock.wall())
          plans.thin(clock.wall(), sagas.plansUsed())
        }),
        every(clock, MINUTE, noteOwnHead),
      ]
    },
    async stop() {
      for (const cancel of cancels) cancel()
      reconciler.stop()
      announcer.stop()
      const ended = Promise.all([sagas.stop(), lostAndFound.stop()])
      sessions.stop()
      await ended
      await forecasts.stop()
      hostPower.stop()
      doubles.stop()
      foreign.stop()
      learner.stop()
      fleet.onChange = () => {}
      intake.stop()
      noteOwnHead()
      await messenger?.stop()
    },
    accept: socket => sessions.accept(socket),
    console: consoleHandlers({
      clock,
      forecasts,
      fleet,
      sagas,
      lostAndFound,
      sessions,
      reconciler,
      plans,
      alarms,
      name: ports.alarm?.coordinator ?? 'coordinator',
      ...(ports.alarm && { tellAlarm: ports.alarm.deliver }),
      audit,
      enrolment,
      memory,
      journal,
      sites,
      power: hostPower,
      agents: sessions,
      announcer,
      ...(ports.keys && { keys: ports.keys }),
      drains,
      whyAwake: whyAwakeNow,
      checkMove: (snapshot, vm, to) => planner.checkMove(snapshot, policy, vm as VmId, to),
      stillMs: vm => (wayOf(vm) === 'regular' ? moveCost(policy, vm).durationMs : undefined),
      explain: (plan, snapshot, vm) => planner.explain(plan, snapshot, vm as VmId),
      ...(ports.createToken ? { createToken: ports.createToken } : {}),
      paused: () => paused,
      setPaused(value) {
        memory.setSetting(PAUSED, value ? 'yes' : 'no')
        paused = value
        if (!value) reconciler.wake()
      },
    }),
    enrolment,
    fleet,
    sagas,
    lostAndFound,
    reconciler,
    hostPower,
    alarms,
  }
}
