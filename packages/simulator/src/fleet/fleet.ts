/**
 * A whole fleet in one process on virtual time: the real coordinator, agents and movers over memory sockets, on a
 * simulated world. Trust is by keys handed over in-process; certificates and commands are signed and checked as ever.
 */
import {
  createCoordinator,
  noOutside,
  openDatabase,
  openForecastStore,
  openInlineSolver,
  thePlanner,
} from '@heliotrope/coordinator'
import type { Coordinator, MoveState } from '@heliotrope/coordinator'
import { defaultPolicy } from '@heliotrope/planner'
import type { Policy, Solver } from '@heliotrope/planner'
import {
  DAY,
  defaultMoveLimits,
  HeliotropeError,
  HOUR,
  memoryLink,
  MINUTE,
  openMemoryJournal,
  seededRng,
  silentLog,
  VirtualClock,
} from '@heliotrope/shared'
import type {
  HostId,
  HostPowerModel,
  Journal,
  Log,
  MemoryJournal,
  MemoryLink,
  Mode,
  Ms,
  Signer,
  Socket,
} from '@heliotrope/shared'
import { Network } from '../net/network.js'
import { Peers } from '../net/peers.js'
import { Streams } from '../net/streams.js'
import { seedFor } from '../world/noise.js'
import type { HostSpec, WorldSpec } from '../world/spec.js'
import { pastHours, weatherService, weatherUrl } from '../world/weather-service.js'
import type { Weather } from '../world/weather.js'
import { World } from '../world/world.js'
import { seededSigner } from './seeded-signer.js'
import { SimAgent } from './sim-agent.js'

export interface FleetOptions {
  spec: WorldSpec
  mode: Mode
  policy?: Partial<Policy>
  /** What the coordinator's config says of each host. Default: the truth. */
  hostPower?: HostPowerModel
  /** How often agents report when nothing changes. Default 60 s. */
  reportMs?: Ms
  /** So many days before the start the forecasters are told of: learning takes a second or two of real time. Default 0. */
  taughtDays?: number
  /** Default: HiGHS in this thread. */
  solver?: Solver
  log?: Log
  /** One a host and one for `coordinator`. Default: in memory, with faults to order. */
  openJournal?: (name: string, clock: VirtualClock) => MemoryJournal
}

/** How long a message takes between agent and coordinator. */
const LINK_MS: Ms = 20

export class Fleet {
  readonly clock: VirtualClock
  readonly world: World
  readonly network: Network
  readonly agents = new Map<HostId, SimAgent>()
  readonly journal: Journal
  coordinator: Coordinator
  /** Moves that have ended, as the coordinator sees it. */
  readonly ended: MoveState[] = []
  readonly #links = new Map<HostId, MemoryLink>()
  readonly #options: FleetOptions
  readonly #signer: Signer
  readonly #db: ReturnType<typeof openDatabase>
  readonly #log: Log
  /** Loading it takes real time; solving, in this thread, takes no virtual time. */
  readonly #solver: Solver = {
    solve: async (program, deadlineMs) =>
      this.#loaded?.solve(program, deadlineMs) ?? { status: 'crashed', text: 'the fleet has not started' },
  }
  #coordinatorUp = false
  #restarts = 0
  #loaded: Solver | undefined

  constructor(options: FleetOptions) {
    const { spec, log = silentLog } = options
    this.#options = options
    this.#log = log
    this.clock = new VirtualClock(spec.startWall)
    this.world = new World(this.clock, spec)
    this.network = new Network(this.world)
    const { openJournal = (_name: string, clock: VirtualClock) => openMemoryJournal(clock) } = options
    this.journal = openJournal('coordinator', this.clock)
    this.#db = openDatabase(':memory:')
    this.#teach(options.taughtDays ?? 0)
    const rng = seededRng(seedFor(spec.seed, 'keys'))
    this.#signer = seededSigner(rng)
    this.coordinator = this.#createCoordinator()
    const [peers, streams] = [new Peers(this.clock, this.network), new Streams(this.clock, this.network)]
    for (const [id, host] of this.world.hosts) {
      const signer = seededSigner(rng)
      this.coordinator.enrolment.enrol({
        id,
        site: host.site.id,
        key: signer.fingerprint,
        notAfter: spec.startWall + 3650 * DAY,
      })
      const agent = new SimAgent({
        world: this.world,
        host,
        journal: openJournal(id, this.clock),
        network: this.network,
        peers,
        streams,
        signer,
        coordinatorKeys: [this.#signer.fingerprint],
        connect: () => this.#connect(id, signer.fingerprint),
        wake: other => this.agents.get(other)?.wake(),
        log: log.with({ host: id }),
      })
      this.agents.set(id, agent)
    }
  }

  async start(): Promise<void> {
    this.#loaded ??= this.#options.solver ?? (await openInlineSolver())
    this.world.start()
    this.startCoordinator()
    for (const agent of this.agents.values()) await agent.start()
  }

  /** Lets moves that are under way end, then stops everything and closes the world's books. */
  async stop(): Promise<void> {
    this.world.end()
    for (const agent of this.agents.values()) await this.#settled(agent.stop())
    await this.#settled(this.stopCoordinator())
    for (const agent of this.agents.values()) await this.#settled(agent.launcher.stop())
    this.#db.close()
  }

  /** Runs on until no move is open, at most `forMs`. @returns false if one still was */
  async quiesce(forMs: Ms): Promise<boolean> {
    const until = this.clock.mono() + forMs
    while (this.coordinator.sagas.open().length > 0) {
      if (this.clock.mono() >= until) return false
      await this.clock.advance(1_000)
    }
    return true
  }

  startCoordinator(): void {
    if (this.#restarts++ > 0) this.coordinator = this.#createCoordinator()
    this.coordinator.start()
    this.#coordinatorUp = true
  }

  async stopCoordinator(): Promise<void> {
    if (!this.#coordinatorUp) return
    this.#coordinatorUp = false
    await this.coordinator.stop()
    for (const link of this.#links.values()) link.drop()
  }

  /** Hash over the world's events and all journals. */
  digest(): string {
    const journals = [...this.agents].map(([id, agent]) => [id as string, agent.journal] as const)
    return this.world.trace.digest([['coordinator', this.journal], ...journals])
  }

  /** As if the coordinator had watched the meters before. */
  #teach(days: number): void {
    const store = openForecastStore(this.#db)
    for (const { id } of this.world.spec.sites)
      for (const hour of pastHours(this.world.weather.get(id) as Weather, this.world.spec.startWall, days))
        store.keepHour(id, hour)
  }

  #connect(id: HostId, key: string): Promise<Socket> {
    if (!this.#coordinatorUp)
      return Promise.reject(new HeliotropeError('unavailable', 'the coordinator is down'))
    const link = memoryLink(this.clock, LINK_MS, {
      // What the TLS certificates would prove of each end.
      a: { name: id, key },
      b: { name: 'coordinator', key: this.#signer.fingerprint },
    })
    this.#links.set(id, link)
    this.coordinator.accept(link.b)
    return Promise.resolve(link.a)
  }

  #createCoordinator(): Coordinator {
    const { spec, mode, policy, hostPower, reportMs = MINUTE } = this.#options
    const firstHost = spec.sites[0]?.hosts[0]
    return createCoordinator({
      clock: this.clock,
      rng: seededRng(seedFor(spec.seed, `coordinator/${this.#restarts}`)),
      log: this.#log.with({ host: 'coordinator' }),
      journal: this.journal,
      db: this.#db,
      signer: this.#signer,
      solver: this.#solver,
      outside: {
        http: weatherService(this.clock, spec.sites, this.world.weather),
        readFile: noOutside.readFile,
      },
      planner: thePlanner,
      config: {
        reportMs,
        reconcileMs: MINUTE,
        meterStaleMs: Math.max(3 * MINUTE, reportMs * 3),
        power: powerModelOf(firstHost),
        hosts: spec.sites.flatMap(site =>
          site.hosts.map(host => ({ id: host.id, power: hostPower ?? powerModelOf(host), keepAwake: false })),
        ),
        rules: [],
        forecasts: spec.sites.map(site => ({
          site: site.id,
          latitude: site.latitude,
          longitude: site.longitude,
          gridGPerKWh: site.gridIntensity,
          solarPeakW: site.panelPeakW,
          windRatedW: site.turbineRatedW,
          weather: { kind: 'open-meteo', url: weatherUrl(site), everyMs: HOUR },
        })),
        sites: spec.sites.map(({ id, name, latitude, longitude, gridIntensity }) => ({
          id,
          name,
          latitude,
          longitude,
          gridIntensity,
          mode,
          // A site that is only watched is left as it is altogether.
          standby: mode === 'observe' ? 'off' : mode,
          awakeFloor: 1,
        })),
        policy: {
          ...defaultPolicy,
          hostPower: hostPower ?? powerModelOf(firstHost),
          cooldownMs: 45 * MINUTE,
          reportMaxAgeMs: Math.max(3 * MINUTE, reportMs * 3),
          transferBps: Math.min(...spec.sites.map(site => site.linkBps)),
          ...policy,
        },
        moves: { startMs: 5 * MINUTE, maxPerHost: 2, limits: defaultMoveLimits },
        pinnedVms: [],
        regularVms: [],
      },
      moveEnded: state => void this.ended.push(state),
    })
  }

  /** What must end may wait for timers, and time stands still unless somebody lets it go on. */
  async #settled(ending: Promise<void>): Promise<void> {
    let done = false
    const ended = ending.finally(() => {
      done = true
    })
    for (let round = 0; !done && round < 600; round++) await this.clock.advance(1_000)
    await ended
  }
}

const powerModelOf = (host: HostSpec | undefined): HostPowerModel => ({
  idleW: host?.idleW ?? 50,
  peakW: host?.peakW ?? 150,
  standbyW: host?.standbyW ?? 8,
  wakeMs: host?.wakeMs ?? 3 * MINUTE,
})
