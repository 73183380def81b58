/**
 * The agent: looks at the hypervisor, reads the meters, tells the coordinator, and lets commands in. What it does beyond
 * that its parts do. Everything it touches is a port, so that it runs unchanged in the simulator.
 */
import { errorChain, every, HOUR, SECOND } from '@heliotrope/shared'
import type {
  Alarm,
  Cancel,
  Clock,
  Domain,
  Finding,
  HostFacts,
  HostId,
  Journal,
  Log,
  MoveProgress,
  Ms,
  Rng,
  Signer,
  SiteId,
  Socket,
} from '@heliotrope/shared'
import { createDispatch } from './execute/dispatch.js'
import { noteBoot } from './execute/boot-orders.js'
import { handlersOf } from './parts.js'
import type { AgentPart, Kernel, VmRecords } from './parts.js'
import type { Hypervisor } from './ports.js'
import { AlarmLedger } from './report/alarm-ledger.js'
import type { ReportBuffer } from './report/buffer.js'
import { ReportBuilder } from './report/builder.js'
import type { Known } from './report/builder.js'
import { createUplink } from './report/uplink.js'
import type { Uplink, UplinkOptions } from './report/uplink.js'
import { createMeters } from './sense/meters.js'
import type { MeteredSource, MeterStanding } from './sense/meters.js'
import { Observer } from './sense/observer.js'
import { openTrust } from './trust/trust.js'

export interface AgentPorts {
  clock: Clock
  rng: Rng
  log: Log
  journal: Journal
  hypervisor: Hypervisor
  meters: readonly MeteredSource[]
  /** In the order in which they start and look. */
  parts: readonly AgentPart[]
  vms: VmRecords
  buffer: ReportBuffer
  connect: () => Promise<Socket>
  /** The checks of `doctor`, run at the start and every hour. Told how far our clock is behind the coordinator's. */
  findings?: (clockOffsetMs: Ms | undefined, vms: VmRecords) => Promise<Finding[]>
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
/** Progress of a move is told at most this often. */
const PROGRESS_MS: Ms = SECOND

/** @throws internal if two parts claim one command */
export function createAgent(ports: AgentPorts, options: AgentOptions): Agent {
  return new PartsAgent(ports, options)
}

class PartsAgent implements Agent {
  readonly #ports: AgentPorts
  readonly #options: AgentOptions
  readonly #builder: ReportBuilder
  readonly #observer: Observer
  readonly #alarms: AlarmLedger
  readonly #meters: ReturnType<typeof createMeters>
  readonly #uplink: Uplink
  #findings: Finding[] | undefined
  #clockOffsetMs: Ms | undefined
  #reportMs: Ms
  #looking: Promise<void> | undefined
  #lookAgain = false
  #stopped = false
  #cancelCadence: Cancel = () => {}
  #cancelSettle: Cancel | undefined
  #cancelProgress: Cancel | undefined
  readonly #stops: (() => void)[] = []

  constructor(ports: AgentPorts, options: AgentOptions) {
    const { clock, log, parts, vms } = ports
    this.#ports = ports
    this.#options = options
    this.#builder = new ReportBuilder({ host: options.host, site: options.site, bootId: options.bootId })
    this.#alarms = new AlarmLedger(clock)
    this.#reportMs = options.reportMs ?? 5 * SECOND
    this.#meters = createMeters({ clock, log, changed: () => this.#lookSoon() }, ports.meters)
    this.#observer = new Observer({ ...ports, vms, ownFacts: () => this.#ownFacts() })
    const trust = openTrust(ports)
    const own: AgentPart = {
      name: 'agent',
      handlers: {
        ...trust.handlers,
        'host.report': async () => {
          this.#builder.reset()
          this.#lookSoon()
          return { queued: true }
        },
      },
    }
    const { host } = options
    const handlers = handlersOf([...parts, own])
    const dispatch = createDispatch({ ...ports, host, handlers, coordinatorKeys: trust.coordinatorKeys })
    this.#uplink = this.#createUplink(dispatch)
  }

  async start(): Promise<void> {
    const { clock, hypervisor, parts } = this.#ports
    const kernel: Kernel = {
      changed: () => this.#progressed(),
      statement: statement => this.#uplink.certificate(statement),
      connected: () => this.#uplink.standing().connected,
    }
    for (const part of parts) await part.start?.(kernel)
    this.#meters.start()
    const watch = hypervisor.watch(() => this.#lookSoon())
    this.#stops.push(
      () => watch.stop(),
      every(clock, HOUR, () => this.#check()),
    )
    await this.#look(false)
    void this.#check().then(() => this.#lookSoon())
    this.#cadence()
    this.#uplink.start()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelCadence()
    this.#cancelSettle?.()
    this.#cancelProgress?.()
    for (const stop of this.#stops.splice(0)) stop()
    this.#uplink.stop()
    await this.#looking?.catch(() => {})
    await this.#meters.stop()
    for (const part of [...this.#ports.parts].reverse()) await part.stop?.()
  }

  status(): AgentStatus {
    const { buffer, clock, vms } = this.#ports
    const { host, site, bootId, version } = this.#options
    const { connected, since, lastError } = this.#uplink.standing()
    const { reports, bytes } = buffer.standing()
    const { facts, domains = [] } = this.#observer
    return {
      ...{ host, site, bootId, version, at: clock.wall(), connected },
      ...(since !== undefined && { connectedSince: since }),
      ...(lastError !== undefined && { lastError }),
      ...(this.#clockOffsetMs !== undefined && { clockOffsetMs: this.#clockOffsetMs }),
      buffered: { reports, bytes },
      ...(facts && { facts }),
      domains,
      meters: this.#meters.standing(),
      moves: vms.progress(),
      alarms: [...this.#alarms.raised.values()],
      findings: this.#findings ?? [],
    }
  }

  #createUplink(dispatch: ReturnType<typeof createDispatch>): Uplink {
    const { journal, log, signer } = this.#ports
    const { host, site, bootId, version, uplink } = this.#options
    return createUplink(
      {
        ...this.#ports,
        // A boot that anybody has heard of is in the journal: what is said of it can be told from what is said of later ones.
        connect: async () => {
          noteBoot(journal, bootId)
          return this.#ports.connect()
        },
        dispatch,
        hello: () => ({ host, site, bootId, version, key: signer.fingerprint, journal: journal.head() }),
        welcomed: welcome => this.#welcomed(welcome),
        lost: () => {},
        behind: () => {
          log.warn('the report buffer was lost: reports are numbered anew')
          this.#builder.reset()
          this.#lookSoon()
        },
      },
      uplink,
    )
  }

  #welcomed({ now, reportMs }: { now: Ms; reportMs: Ms }): void {
    const offsetMs = now - this.#ports.clock.wall()
    // The clock check of doctor compares with the coordinator's as soon as that is known.
    const recheck = this.#clockOffsetMs === undefined || Math.abs(offsetMs - this.#clockOffsetMs) > SECOND
    this.#clockOffsetMs = offsetMs
    if (recheck) void this.#check().then(() => this.#lookSoon())
    if (reportMs !== this.#reportMs) {
      this.#reportMs = reportMs
      this.#cadence()
    }
    this.#builder.reset()
    // What was seen last goes out at once; the look that follows corrects it.
    this.#report()
    this.#lookSoon()
  }

  #ownFacts(): Pick<HostFacts, 'portals' | 'moverAddress'> & Partial<HostFacts> {
    const { portals, moverAddress, peerPort } = this.#options
    const model = this.#options.model?.()?.slice(0, 120)
    return {
      portals: [...portals],
      moverAddress,
      ...(model !== undefined && { model }),
      ...(peerPort !== undefined && { peerPort }),
    }
  }

  #known(): Known {
    const { buffer, clock, parts, vms } = this.#ports
    const { facts, domains, cpuS, problem } = this.#observer
    const buffered = buffer.standing().problem
    const alarms = this.#alarms.tell([
      ...this.#meters.alarms(),
      ...parts.flatMap(part => part.alarms?.() ?? []),
      ...(problem ? [problem] : []),
      ...(buffered === undefined
        ? []
        : [bufferAlarm(buffered, this.#alarms.raised.get(BUFFER_ALARM)?.at ?? clock.wall())]),
    ])
    return {
      ...{ at: clock.wall(), facts, domains, cpuS, samples: [], alarms, findings: this.#findings },
      moves: vms.progress().slice(0, 100),
      lost: vms.lost(),
    }
  }

  #report(): void {
    try {
      this.#ports.buffer.append(this.#builder.build({ ...this.#known(), samples: this.#meters.take() }))
      this.#uplink.flush()
    } catch (error) {
      this.#ports.log.error('report could not be made', { error: errorChain(error) })
    }
  }

  /** One look at a time; what came meanwhile makes one more. */
  #look(always: boolean): Promise<void> {
    if (this.#looking) {
      this.#lookAgain = true
      return this.#looking
    }
    this.#looking = (async () => {
      await this.#observer.observe()
      if (!this.#stopped && (always || this.#builder.changed(this.#known()))) this.#report()
    })().finally(() => {
      this.#looking = undefined
      if (this.#lookAgain && !this.#stopped) this.#lookSoon()
      this.#lookAgain = false
    })
    return this.#looking
  }

  #lookSoon(): void {
    if (this.#stopped || this.#cancelSettle) return
    this.#cancelSettle = this.#ports.clock.after(SETTLE_MS, () => {
      this.#cancelSettle = undefined
      void this.#look(false)
    })
  }

  #progressed(): void {
    if (this.#stopped || this.#cancelProgress) return
    this.#cancelProgress = this.#ports.clock.after(PROGRESS_MS, () => {
      this.#cancelProgress = undefined
      this.#observer.refresh()
      if (this.#builder.changed(this.#known())) this.#report()
    })
  }

  #cadence(): void {
    this.#cancelCadence()
    this.#cancelCadence = every(this.#ports.clock, this.#reportMs, () => this.#look(true))
  }

  async #check(): Promise<void> {
    const { findings, vms } = this.#ports
    try {
      this.#findings = (await findings?.(this.#clockOffsetMs, vms))?.slice(0, 100)
    } catch (error) {
      this.#ports.log.warn('the checks of this host failed', { error: errorChain(error) })
    }
  }
}

const BUFFER_ALARM = 'report-buffer'
const bufferAlarm = (text: string, at: Ms): Alarm => ({
  key: BUFFER_ALARM,
  state: 'raised',
  text: text.slice(0, 1000),
  remedy: 'free space in data_dir; until then reports are kept in memory, an hour of them',
  at,
})
