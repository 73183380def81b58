/**
 * Two hosts, a coordinator, one VM, on virtual time: real agents, movers and sagas, each a process that can die, every
 * link and every record a place where something can go wrong. It puts faults in and heals them; run-case.ts tells the story.
 */
import type { PowerControl } from '@heliotrope/coordinator'
import { HeliotropeError, hostId, MINUTE, seededRng, SECOND, siteId, VirtualClock } from '@heliotrope/shared'
import type { HostCertificate, HostId, JournalFault, Log, MoveId, Ms, Signer } from '@heliotrope/shared'
import { uuidOfNumber } from '../fleet/three-sites.js'
import { seededSigner } from '../fleet/seeded-signer.js'
import { Network } from '../net/network.js'
import type { StreamConnection } from '../net/stream.js'
import { seedFor } from '../world/noise.js'
import type { WorldSpec } from '../world/spec.js'
import type { SourceXlFaults } from '../xl/source-xl.js'
import type { TargetXlFaults } from '../xl/target-xl.js'
import { CoordinatorNode } from './coordinator-node.js'
import { AskWires } from './ask-wire.js'
import { applyFault } from './fault-kinds.js'
import { FaultWorld } from './fault-world.js'
import type { FaultyFleet } from './faulty-fleet.js'
import { HostNode } from './host-node.js'
import { HostileHost } from './hostile-host.js'
import { PeerWires } from './peer-wire.js'
import { Points } from './points.js'
import type { Injection } from './points.js'
import { ProcessPorts } from './process-ports.js'
import { UplinkWire } from './uplink-wire.js'
import { Watch } from './watch.js'
import type { Fate, Sending } from './wire.js'

export const [A, B] = [hostId('a'), hostId('b')]
const HOSTILE = hostId('z')
export const VM = uuidOfNumber(1)
/** As long as the sweeper counts a suspend as a late one, and the hour that a clock may be off. */
const LATE_MS: Ms = 80 * MINUTE
/** An order that is delayed arrives within this, and is followed. */
const ORDERED_MS: Ms = 30 * SECOND
/** Somebody wakes a host that stands by after so long. */
const STANDBY_MS: Ms = 3 * MINUTE
const START = Date.UTC(2026, 2, 21, 12)

export interface Sizes {
  delayMs: Ms
  memoryMiB: number
  dirtyMiBps: number
  linkBps: number
  /** Longest time a command takes to work, and again to come back. */
  actMs: Ms
  /** The disk has persistent reservations. */
  fenced: boolean
}

export interface FaultFleetOptions {
  seed: number
  sizes: Sizes
  /** The VM is a PV guest, which its hosts cannot move live. */
  regular: boolean
  /** A third host is enrolled, which is hostile and holds no VM. */
  hostile: boolean
  /** The hosts can stand by. */
  standby?: boolean
  xenVersion?: string
  onCrash?: 'restart'
  faults: readonly Injection[]
  log: Log
  /** Told of each point and each thing that happens. */
  tell: (line: string) => void
}

export class FaultFleet implements FaultyFleet {
  readonly clock = new VirtualClock(START)
  readonly world: FaultWorld
  readonly network: Network
  readonly points: Points
  readonly watch: Watch
  readonly hosts = new Map<HostId, HostNode>()
  readonly coordinator: CoordinatorNode
  readonly uplinks = new Map<HostId, UplinkWire>()
  readonly hostile: HostileHost | undefined
  readonly peers: PeerWires
  readonly streams = new Map<MoveId, StreamConnection>()
  /** When the last fault will be healed. */
  healedAt: Ms = 0
  /** The coordinator is to stay away for now. */
  coordinatorAway = false
  fate: Fate | 'stale' | undefined
  readonly journalFaults = new Map<string, { fault: JournalFault; once: boolean }>()
  readonly mute = new Set<HostId>()
  xlFaults: SourceXlFaults & TargetXlFaults = {}
  readonly tell: (line: string) => void
  #stopped = false

  constructor(options: FaultFleetOptions) {
    const { seed, sizes, hostile, faults, log, tell } = options
    this.tell = text => tell(`${(this.clock.mono() / 1000).toFixed(3).padStart(9)} ${text}`)
    const { clock } = this
    this.world = new FaultWorld(clock, specOf(options))
    this.network = new Network(this.world)
    this.points = new Points(faults, (what, point) => {
      this.tell(`!! ${what}`)
      if (!applyFault(this, what, point)) this.tell(`   (nothing there)`)
    })
    const journals = new Map<HostId, HostNode['journal']>()
    this.watch = new Watch(this.world, journals)
    const acts = seededRng(seedFor(seed, 'acts'))
    const watched = new ProcessPorts({
      clock,
      points: this.points,
      acting: (life, act, args) => {
        this.tell(`${life.name} does ${act}`)
        this.watch.acting(life, act, args)
      },
      recorded: (life, record) => {
        this.tell(`${life.name} records ${record.kind} in ${record.stream.split('/')[0]}`)
        const { certificate } = record.body as { certificate?: HostCertificate }
        if (certificate && life.name.endsWith(`@${certificate.body.by}`)) {
          this.peers.know(certificate.body.by, certificate)
          this.watch.signed(certificate)
        }
        this.watch.recorded(life, record)
      },
      actMs: () => (sizes.actMs > 0 ? Math.round(acts.fraction() * sizes.actMs) : 0),
      agentDied: host => this.#agentDied(host),
    })
    this.peers = new PeerWires({
      clock,
      network: this.network,
      said: (from, to, move, message) => {
        const word = message.t === 'certificate' ? message.certificate.body.kind : message.t
        return this.#message(`${from}>${to} ${word}`, () => this.watch.said(from, move, message))
      },
    })
    const asks = new AskWires({
      clock,
      network: this.network,
      said: (from, to, what) => {
        const answered = typeof what !== 'string'
        return this.#message(`${from}>${to} ${answered ? what.body.kind : what}`, () => {
          if (answered) this.watch.yielded(what.body)
        })
      },
    })
    const keys = seededRng(seedFor(1, 'keys'))
    const signer = seededSigner(keys)
    const signers = new Map([A, B].map(id => [id, seededSigner(keys)]))
    const hostileSigner = seededSigner(keys)
    this.coordinator = new CoordinatorNode({
      world: this.world,
      signer,
      enrolled: [
        ...[...this.world.hosts].map(([id, host]) => ({
          ...{ id, site: host.site.id, key: signers.get(id)!.fingerprint },
        })),
        ...(hostile ? [{ id: HOSTILE, site: siteId('site-b'), key: hostileSigner.fingerprint }] : []),
      ],
      watched,
      controls: new Map([A, B].map(id => [id, this.#control(id)])),
      log,
    })
    this.coordinator.journal.fault = () => this.#journalFault('c')
    for (const [id, host] of this.world.hosts) {
      const own = signers.get(id)!
      const wire = new UplinkWire({
        clock,
        host: id,
        keys: { agent: own.fingerprint, coordinator: signer.fingerprint },
        accept: () => this.coordinator.accept(),
        said: (from, what) =>
          what === 'beat' || what === 'ack'
            ? undefined
            : this.#message(`${from === 'agent' ? `${id}>c` : `c>${id}`} ${what}`),
      })
      this.uplinks.set(id, wire)
      const node = new HostNode({
        world: this.world,
        host,
        network: this.network,
        peers: this.peers,
        asks,
        streams: this.streams,
        signer: own,
        coordinatorKeys: [signer.fingerprint],
        connect: () => wire.connect(),
        watched,
        standsBy: () => {
          this.watch.standsBy(id)
          this.heal(STANDBY_MS, () => this.host(id).powerOn())
        },
        log: log.with({ host: id }),
        xlFaults: () => this.xlFaults,
      })
      node.journal.fault = () => this.#journalFault(id)
      journals.set(id, node.journal)
      this.hosts.set(id, node)
      host.watchers.add(() => this.#changed(id))
    }
    this.hostile = hostile ? this.#hostileHost(hostileSigner, signer.fingerprint) : undefined
  }

  #hostileHost(signer: Signer, coordinatorKey: string): HostileHost {
    const wire = new UplinkWire({
      clock: this.clock,
      host: HOSTILE,
      keys: { agent: signer.fingerprint, coordinator: coordinatorKey },
      accept: () => this.coordinator.accept(),
      // What happens to its messages is its own affair.
      said: () => undefined,
    })
    this.uplinks.set(HOSTILE, wire)
    const connect = () => wire.connect()
    return new HostileHost({ clock: this.clock, id: HOSTILE, site: siteId('site-b'), signer, connect })
  }

  /** The hostile host sends what it can make up of each open move, whose Grants it is given here. */
  forge(): boolean {
    const open = this.coordinator.coordinator?.sagas.open() ?? []
    return this.hostile?.forge(open.flatMap(({ granted }) => granted?.grant.body ?? [])) ?? false
  }

  /** The coordinator tells a host to stand by, past its own looks: the agent's must do. */
  standBy(id: HostId): boolean {
    const { coordinator } = this.coordinator
    const node = this.host(id)
    if (!coordinator || node.host.power !== 'on') return false
    // The run goes on until the host has gone down, however long the order takes to arrive.
    this.heal(ORDERED_MS, () => {})
    coordinator.agents
      .call(id, 'host.standby', { bootId: node.host.bootId })
      .catch((error: unknown) => this.tell(`${id} does not stand by: ${String(error)}`))
    return true
  }

  host(id: HostId): HostNode {
    return this.hosts.get(id) as HostNode
  }

  start(): void {
    this.world.start()
    this.coordinator.start()
    for (const node of this.hosts.values()) node.startAgent()
    this.hostile?.start()
  }

  stop(): void {
    this.#stopped = true
    this.world.end()
    this.hostile?.stop()
    for (const node of this.hosts.values()) node.stop()
    this.coordinator.stop()
  }

  readonly vm = VM

  /**
   * A suspended domain on this host would be taken for our own work: a side of a move is prepared and not yet clean, or
   * a move was given up so lately that its guest may still follow the request to suspend.
   */
  mayBeOurs(id: HostId): boolean {
    const { journal } = this.host(id)
    if (journal.unreadable) return true
    return ['source/', 'target/'].some(prefix =>
      journal.streams(prefix, 'all').some(stream => {
        const records = journal.read(stream)
        const find = (kind: string) => records.find(record => record.kind === kind)
        const abort = find('ABORT')
        const lately = abort !== undefined && this.clock.wall() - abort.at < LATE_MS
        return find('PREPARED') !== undefined && (find('CLEAN') === undefined || lately)
      }),
    )
  }

  /** Undoes a fault later; until then the run is not over. */
  heal(afterMs: Ms, undo: () => void): void {
    this.healedAt = Math.max(this.healedAt, this.clock.mono() + afterMs)
    this.clock.after(afterMs, () => {
      if (!this.#stopped) undo()
    })
  }

  killCoordinator(awayMs: Ms): boolean {
    if (!this.coordinator.kill()) return false
    for (const wire of this.uplinks.values()) wire.drop()
    this.heal(awayMs, () => this.#startCoordinator())
    return true
  }

  #control(id: HostId): PowerControl {
    return {
      name: `controller of ${id}`,
      offMs: MINUTE,
      status: async () => {
        if (this.mute.has(id)) throw new HeliotropeError('exec-failed', 'no session with the controller')
        const power = this.host(id).host.power === 'on' ? 'on' : 'off'
        return { power, said: power }
      },
      off: async () => {
        // Taken and lost, as by a controller that hangs: no order is evidence.
        if (!this.mute.has(id)) applyFault(this, `power ${id} long`, '')
      },
    }
  }

  #startCoordinator(): void {
    try {
      this.coordinator.start()
      this.tell('the coordinator is back')
    } catch (error) {
      // Its journal may still fail: the unit is started again.
      this.tell(`the coordinator does not start: ${String(error)}`)
      this.coordinator.kill()
      this.heal(5 * SECOND, () => this.#startCoordinator())
    }
  }

  #agentDied(id: HostId): void {
    const wire = this.uplinks.get(id) as UplinkWire
    if (this.host(id).host.power === 'on') wire.drop()
    else wire.vanish()
  }

  #journalFault(who: string): JournalFault | undefined {
    const on = this.journalFaults.get(who)
    if (on?.once) this.journalFaults.delete(who)
    return on?.fault
  }

  #message(name: string, look?: () => void): Sending {
    this.tell(name)
    look?.()
    const point = this.points.reach('message', name)
    const { fate } = this
    this.fate = undefined
    return { fate, sent: () => this.points.after(point) }
  }

  #changed(id: HostId): void {
    const event = this.world.trace.events.at(-1)
    if (event) {
      this.tell(`${id}: ${event.vm} ${event.what}${event.why ? ` (${event.why})` : ''}`)
      // What a command of a mover does is a point already.
      if (event.why?.startsWith('xl migrate'))
        this.points.after(this.points.reach('xl', `xl@${id} ${event.what}`))
    }
    this.watch.look()
  }
}

function specOf({ seed, sizes, regular, standby, xenVersion, onCrash }: FaultFleetOptions): WorldSpec {
  const { delayMs, memoryMiB, dirtyMiBps, linkBps, fenced } = sizes
  const site = (name: HostId) => ({
    id: siteId(`site-${name}`),
    name: `site ${name}`,
    ...{ latitude: 0, longitude: 0, panelPeakW: 0, turbineRatedW: 0, gridIntensity: 100, linkBps },
    hosts: [
      {
        ...{ id: name, cpus: 4, memoryMiB: 4096, idleW: 50, peakW: 150, virtCaps: ['pv', 'hvm', 'hap'] },
        ...(xenVersion !== undefined && { xenVersion }),
        ...(standby && { standbyW: 5 }),
      },
    ],
  })
  const vm = {
    uuid: VM,
    name: 'vm1',
    type: regular ? ('pv' as const) : ('pvh' as const),
    memoryMiB,
    vcpus: 2,
    host: A,
    use: 0.5,
    dirtyMiBps,
    ...(onCrash && { onCrash }),
  }
  return { seed, startWall: START, delayMs, fenced, sites: [site(A), site(B)], vms: [vm] }
}
