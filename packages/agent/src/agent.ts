/**
 * The agent: looks at the hypervisor, reads the meters, tells the coordinator, and lets commands in. Everything it
 * touches is a port, so that it runs unchanged in the simulator.
 */
import { errorChain, every, HeliotropeError, HOUR, MINUTE, SECOND } from '@heliotrope/shared'
import type {
  Alarm,
  Cancel,
  Clock,
  CommandHandlers,
  Domain,
  Finding,
  HostFacts,
  HostId,
} from '@heliotrope/shared'
import type { Journal, Log, MoveProgress, Ms, Rng, Signer, SiteId, Socket } from '@heliotrope/shared'
import { createDispatch } from './execute/dispatch.js'
import { noteBoot } from './execute/boot-orders.js'
import { noBoots } from './execute/boot-service.js'
import type { BootHandlers } from './execute/boots.js'
import type { MoveService } from './execute/move-service.js'
import { noPower } from './execute/power-service.js'
import type { PowerService } from './execute/power-service.js'
import type { SeenVms } from './execute/seen-vms.js'
import type { SelfBoots } from './execute/self-boots.js'
import type { EndedGuests } from './execute/ended-guests.js'
import type { Sweeper } from './execute/sweeper.js'
import type { Watchdog } from './execute/watchdog.js'
import type { Hypervisor } from './ports.js'
import type { ReportBuffer } from './report/buffer.js'
import { ReportBuilder } from './report/builder.js'
import type { Known } from './report/builder.js'
import { createUplink } from './report/uplink.js'
import type { UplinkOptions } from './report/uplink.js'
import { cpuSeconds, describeDomains } from './sense/domains.js'
import { createMeters } from './sense/meters.js'
import type { MeteredSource, MeterStanding } from './sense/meters.js'
import { openTrust } from './trust/trust.js'

export interface AgentPorts {
  clock: Clock
  rng: Rng
  log: Log
  journal: Journal
  hypervisor: Hypervisor
  meters: readonly MeteredSource[]
  moves: MoveService
  /** Default: suspended domains are left alone, unseen. */
  sweeper?: Pick<Sweeper, 'look' | 'alarms'>
  /** Default: guests that ended are left to xl's monitor. */
  ended?: Pick<EndedGuests, 'look' | 'alarms'>
  /** What runs here, written down. Default: not. */
  seen?: Pick<SeenVms, 'look' | 'lost' | 'alarms'>
  /** Default: none is fed. */
  watchdog?: Pick<Watchdog, 'alarms'>
  /** Default: no VM is started or yielded. */
  boots?: BootHandlers
  /** What died with this host while the coordinator is gone. Default: it waits. */
  alone?: Pick<SelfBoots, 'look' | 'alarms'>
  /** Default: neither stands by nor wakes others. */
  power?: PowerService
  buffer: ReportBuffer
  connect: () => Promise<Socket>
  /** The checks of `doctor`, run at the start and every hour. Told how far our clock is behind the coordinator's. */
  findings?: (clockOffsetMs: Ms | undefined) => Promise<Finding[]>
  signer: Signer
  /** Fingerprints of the coordinator keys pinned when this host joined. */
  coordinatorKeys: readonly string[]
}

export interface AgentOptions {
  host: HostId
  site: SiteId
  bootId: string
  version: string
  moverAddress: string
  portals: readonly string[]
  /** Where other hosts' agents reach this one, at the movers' address. */
  peerPort?: number
  /** Make of the host, once it is known. */
  model?: () => string | undefined
  /** Until the coordinator says otherwise. Default 5 s. */
  reportMs?: Ms
  uplink?: UplinkOptions
}

/** For `heliotrope-agent status`. */
export interface AgentStatus {
  host: HostId
  site: SiteId
  bootId: string
  version: string
  at: Ms
  connected: boolean
  connectedSince?: Ms
  lastError?: string
  /** Coordinator's clock minus ours, at the last welcome. */
  clockOffsetMs?: Ms
  buffered: { reports: number; bytes: number }
  facts?: HostFacts
  domains: Domain[]
  meters: MeterStanding[]
  moves: MoveProgress[]
  alarms: Alarm[]
  findings: Finding[]
}

export interface Agent {
  start(): Promise<void>
  stop(): Promise<void>
  status(): AgentStatus
}

/** Several events of one cause become one look. */
const SETTLE_MS: Ms = 100
/** How old what `xl info` says may become while no domain comes, goes or changes its memory. */
const FACTS_MS: Ms = MINUTE
/** Progress of a move is told at most this often. */
const PROGRESS_MS: Ms = SECOND

export function createAgent(ports: AgentPorts, options: AgentOptions): Agent {
  const { clock, log, hypervisor, moves, buffer, power = noPower() } = ports
  const { host, site, bootId } = options
  const builder = new ReportBuilder({ host, site, bootId })
  let facts: HostFacts | undefined
  let hostFacts: Awaited<ReturnType<Hypervisor['facts']>> | undefined
  let factsShape = ''
  let factsAt: Ms = 0
  let domains: Domain[] | undefined
  let cpuS: Record<string, number> = {}
  let findings: Finding[] | undefined
  let hypervisorProblem: Alarm | undefined
  let cleared: Alarm[] = []
  let raised = new Map<string, Alarm>()
  let clockOffsetMs: Ms | undefined
  let reportMs = options.reportMs ?? 5 * SECOND
  let looking: Promise<void> | undefined
  let lookAgain = false
  let stopped = false
  let cancelCadence: Cancel = () => {}
  let cancelSettle: Cancel | undefined
  let cancelProgress: Cancel | undefined
  const stops: (() => void)[] = []

  const meters = createMeters({ clock, log, changed: () => soon() }, ports.meters)
  const trust = openTrust(ports)
  const handlers: CommandHandlers = {
    ...moves.handlers,
    ...(ports.boots ?? noBoots()),
    'move.prepare-target': async (args, body) => {
      if (power.goingDown()) throw new HeliotropeError('refused', `${host} is about to stand by`)
      return moves.handlers['move.prepare-target'](args, body)
    },
    'host.report': async () => {
      builder.reset()
      soon()
      return { queued: true }
    },
    ...power.handlers,
    ...trust.handlers,
  }
  const dispatch = createDispatch({ ...ports, host, handlers, coordinatorKeys: trust.coordinatorKeys })
  const uplink = createUplink(
    {
      ...ports,
      // A boot that anybody has heard of is in the journal: what is said of it can be told from what is said of later ones.
      connect: async () => {
        noteBoot(ports.journal, bootId)
        return ports.connect()
      },
      dispatch,
      hello: () => ({
        host,
        site,
        bootId,
        version: options.version,
        key: ports.signer.fingerprint,
        journal: ports.journal.head(),
      }),
      welcomed(welcome) {
        const offsetMs = welcome.now - clock.wall()
        // The clock check of doctor compares with the coordinator's as soon as that is known.
        const recheck = clockOffsetMs === undefined || Math.abs(offsetMs - clockOffsetMs) > SECOND
        clockOffsetMs = offsetMs
        if (recheck) void check().then(() => soon())
        if (welcome.reportMs !== reportMs) {
          reportMs = welcome.reportMs
          cadence()
        }
        builder.reset()
        // What was seen last goes out at once; the look that follows corrects it.
        report()
        soon()
      },
      lost: () => {},
      behind() {
        log.warn('the report buffer was lost: reports are numbered anew')
        builder.reset()
        soon()
      },
    },
    options.uplink,
  )

  /** Raised now, and once more as cleared when it is over. */
  const alarms = (): Alarm[] => {
    const problem = buffer.standing().problem
    const own: Alarm[] = [
      ...meters.alarms(),
      ...(ports.sweeper?.alarms() ?? []),
      ...(ports.ended?.alarms() ?? []),
      ...(ports.seen?.alarms() ?? []),
      ...(ports.watchdog?.alarms() ?? []),
      ...(ports.alone?.alarms() ?? []),
      ...(hypervisorProblem ? [hypervisorProblem] : []),
      ...(problem === undefined
        ? []
        : [bufferAlarm(problem, raised.get('report-buffer')?.at ?? clock.wall())]),
    ]
    const now = new Map(own.map(alarm => [alarm.key, alarm]))
    for (const [key, alarm] of raised)
      if (!now.has(key)) cleared.push({ ...alarm, state: 'cleared', at: clock.wall() })
    cleared = cleared.filter(alarm => !now.has(alarm.key)).slice(-50)
    raised = now
    return [...own, ...cleared, ...moves.alarms(), ...power.alarms()]
  }

  const known = (): Known => ({
    at: clock.wall(),
    facts,
    domains,
    cpuS,
    samples: [],
    moves: moves.progress().slice(0, 100),
    alarms: alarms(),
    findings,
    lost: ports.seen?.lost() ?? [],
  })

  const report = (): void => {
    try {
      buffer.append(builder.build({ ...known(), samples: meters.take() }))
      uplink.flush()
    } catch (error) {
      log.error('report could not be made', { error: errorChain(error) })
    }
  }

  const observe = async (): Promise<void> => {
    try {
      const seen = await hypervisor.list()
      // Free memory changes with the domains; asked more seldom, the agent costs half.
      const shape = seen.domains.map(({ domid, memoryMiB }) => `${domid}:${memoryMiB}`).join(' ')
      if (!hostFacts || shape !== factsShape || clock.mono() - factsAt > FACTS_MS) {
        hostFacts = await hypervisor.facts()
        factsShape = shape
        factsAt = clock.mono()
      }
      await ports.sweeper?.look(seen.domains)
      await ports.ended?.look(seen.domains)
      domains = await describeDomains(seen.domains, hypervisor, moves)
      await ports.seen?.look(domains)
      cpuS = cpuSeconds(seen.domains, seen.dom0CpuS)
      const model = options.model?.()?.slice(0, 120)
      facts = {
        ...hostFacts,
        portals: [...options.portals],
        moverAddress: options.moverAddress,
        ...(model === undefined ? {} : { model }),
        ...(options.peerPort === undefined ? {} : { peerPort: options.peerPort }),
        ...power.facts(),
      }
      hypervisorProblem = undefined
    } catch (error) {
      const { message, remedy } = HeliotropeError.from(error)
      if (!hypervisorProblem) log.error('the hypervisor cannot be read', { error: errorChain(error) })
      hostFacts = undefined
      hypervisorProblem = {
        key: 'hypervisor',
        state: 'raised',
        text: `the hypervisor cannot be read: ${message}`.slice(0, 1000),
        remedy: remedy ?? 'run `xl list` as root on this host; heliotrope-agent doctor',
        at: hypervisorProblem?.at ?? clock.wall(),
      }
    }
  }

  /** One look at a time; what came meanwhile makes one more. */
  const look = (always: boolean): Promise<void> => {
    if (looking) {
      lookAgain = true
      return looking
    }
    looking = (async () => {
      await observe()
      if (!stopped && (always || builder.changed(known()))) report()
    })().finally(() => {
      looking = undefined
      if (lookAgain && !stopped) soon()
      lookAgain = false
    })
    return looking
  }

  const soon = (): void => {
    if (stopped || cancelSettle) return
    cancelSettle = clock.after(SETTLE_MS, () => {
      cancelSettle = undefined
      void look(false)
    })
  }
  const cadence = (): void => {
    cancelCadence()
    cancelCadence = every(clock, reportMs, () => look(true))
  }
  const check = async (): Promise<void> => {
    try {
      findings = (await ports.findings?.(clockOffsetMs))?.slice(0, 100)
    } catch (error) {
      log.warn('the checks of this host failed', { error: errorChain(error) })
    }
  }

  return {
    async start() {
      await moves.start({
        changed() {
          if (stopped || cancelProgress) return
          cancelProgress = clock.after(PROGRESS_MS, () => {
            cancelProgress = undefined
            if (domains)
              domains = domains.map(({ move: _before, ...domain }) => {
                const move = moves.moveOf(domain.uuid)
                return {
                  ...domain,
                  epoch: moves.epochOf(domain.uuid),
                  ...(move === undefined ? {} : { move }),
                }
              })
            if (builder.changed(known())) report()
          })
        },
        certificate: certificate => uplink.certificate(certificate),
      })
      meters.start()
      const watch = hypervisor.watch(soon)
      stops.push(() => watch.stop(), every(clock, HOUR, check))
      const lost = () => ports.seen?.lost() ?? []
      stops.push(every(clock, 5 * SECOND, () => ports.alone?.look(uplink.standing().connected, lost())))
      await look(false)
      void check().then(() => soon())
      cadence()
      uplink.start()
    },
    async stop() {
      stopped = true
      cancelCadence()
      cancelSettle?.()
      cancelProgress?.()
      for (const stop of stops.splice(0)) stop()
      uplink.stop()
      power.stop()
      await looking?.catch(() => {})
      await meters.stop()
      await moves.stop()
    },
    status() {
      const { connected, since, lastError } = uplink.standing()
      const { reports, bytes } = buffer.standing()
      return {
        host,
        site,
        bootId,
        version: options.version,
        at: clock.wall(),
        connected,
        ...(since === undefined ? {} : { connectedSince: since }),
        ...(lastError === undefined ? {} : { lastError }),
        ...(clockOffsetMs === undefined ? {} : { clockOffsetMs }),
        buffered: { reports, bytes },
        ...(facts ? { facts } : {}),
        domains: domains ?? [],
        meters: meters.standing(),
        moves: moves.progress(),
        alarms: [...raised.values(), ...moves.alarms(), ...power.alarms()],
        findings: findings ?? [],
      }
    },
  }
}

const bufferAlarm = (text: string, at: Ms): Alarm => ({
  key: 'report-buffer',
  state: 'raised',
  text: text.slice(0, 1000),
  remedy: 'free space in data_dir; until then reports are kept in memory, an hour of them',
  at,
})
