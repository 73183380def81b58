/** One host of a fault run: the real agent and movers, each a process that can be killed, on a host that can lose power. */
import {
  Boots,
  createAgent,
  EpochIndex,
  Histories,
  moveJournal,
  Moves,
  OneAtATime,
  PeerYields,
  promisedMiB,
  runSource,
  runTarget,
  SeenVms,
  SelfBoots,
  StartVm,
  Sweeper,
} from '@heliotrope/agent'
import type {
  Agent,
  Launcher,
  MoveOrder,
  SidePorts,
  SideStatus,
  SourceRecord,
  TargetRecord,
} from '@heliotrope/agent'
import { MINUTE, openMemoryJournal, SECOND, seededRng } from '@heliotrope/shared'
import type {
  Alarm,
  HostId,
  Log,
  MemoryJournal,
  MoveId,
  MoveRole,
  Ms,
  Signer,
  Socket,
} from '@heliotrope/shared'
import { simHypervisor } from '../drivers/hypervisor.js'
import { simMaker } from '../drivers/maker.js'
import { simStorage } from '../drivers/storage.js'
import type { Network } from '../net/network.js'
import { StreamConnection } from '../net/stream.js'
import { seedFor } from '../world/noise.js'
import type { SimHost } from '../world/sim-host.js'
import { PORTAL } from '../world/spec.js'
import { SaveXl } from '../xl/save-xl.js'
import { SourceXl } from '../xl/source-xl.js'
import type { SourceXlFaults } from '../xl/source-xl.js'
import { TargetXl } from '../xl/target-xl.js'
import type { TargetXlFaults } from '../xl/target-xl.js'
import type { FaultWorld } from './fault-world.js'
import type { AskWires } from './ask-wire.js'
import { Killed, Life, mortal, mortalClock } from './life.js'
import type { PeerEnd, PeerWires } from './peer-wire.js'
import { plainBuffer } from './plain-buffer.js'
import type { ProcessPorts } from './process-ports.js'

export interface HostNodePorts {
  world: FaultWorld
  host: SimHost
  network: Network
  peers: PeerWires
  /** Between agents. */
  asks: AskWires
  /** Streams of moves, shared by both hosts. */
  streams: Map<MoveId, StreamConnection>
  signer: Signer
  coordinatorKeys: readonly string[]
  connect: () => Promise<Socket>
  watched: ProcessPorts
  log: Log
  /** Taken by the next xl that starts here. */
  xlFaults: () => SourceXlFaults & TargetXlFaults
}

interface Mover {
  life: Life
  status: SideStatus | 'starting'
}

const AGENT_RESTART_MS: Ms = 3 * SECOND
const CONNECT_MS: Ms = 5 * MINUTE
/** Shorter than a line is cut: so the coordinator often lives, and comes back in the middle. */
const ALONE_MS: Ms = 45 * SECOND

export class HostNode {
  readonly host: SimHost
  readonly journal: MemoryJournal
  /** How far the wall clock of the host is off. */
  wallOffset: Ms = 0
  agent: Agent | undefined
  readonly #ports: HostNodePorts
  readonly #movers = new Map<string, Mover>()
  readonly #buffer = plainBuffer()
  #agentLife = new Life('none')
  #stopped = false

  constructor(ports: HostNodePorts) {
    this.#ports = ports
    this.host = ports.host
    const { clock } = ports.world
    this.journal = openMemoryJournal({
      wall: () => clock.wall() + this.wallOffset,
      mono: () => clock.mono(),
      after: (delay, fn) => clock.after(delay, fn),
    })
  }

  get id(): HostId {
    return this.host.spec.id
  }

  get name(): string {
    return this.id
  }

  alarms(): readonly Alarm[] {
    return this.agent?.status().alarms ?? []
  }

  /** Movers that live here. */
  get movers(): string[] {
    return [...this.#movers.keys()]
  }

  startAgent(): void {
    if (this.#agentLife.alive && this.agent) return
    const { asks, world, host, signer, coordinatorKeys, connect, watched, log } = this.#ports
    const life = new Life(`agent@${this.name}`)
    this.#agentLife = life
    const clock = mortalClock(life, world.clock, () => this.wallOffset)
    const journal = watched.journal(life, this.journal)
    const epochs = new EpochIndex(journal)
    const moves = new Moves({
      clock,
      log,
      journal,
      epochs,
      launcher: mortal(life, this.#launcher()),
      host: this.id,
      key: signer.fingerprint,
      bootId: host.bootId,
      coordinatorKeys,
      address: `${this.name}.example`,
      ports: [7421, 7436],
    })
    const histories = new Histories(journal)
    const hypervisor = watched.hypervisor(life, simHypervisor(world, host))
    const maker = watched.maker(life, simMaker(world, host))
    const startVm = new StartVm({
      ...{ clock, log, hypervisor, maker, histories, host: this.id },
      storage: watched.storage(life, simStorage(world, host)),
      promisedMiB: present => promisedMiB(journal, undefined, present),
    })
    const yielding = {
      ...{ clock, log, journal, hypervisor, maker, histories, epochs, signer },
      oneAtATime: new OneAtATime(),
      host: this.id,
      bootId: host.bootId,
      openMoves: () => moves.open(),
      coordinatorKeys,
      coordinatorGone: () => this.agent?.status().connected === false && alone.goneFor(ALONE_MS),
    }
    const peerYields = new PeerYields(yielding)
    const alone = new SelfBoots({ ...yielding, startVm, ask: asks.asker(this.id), afterMs: ALONE_MS })
    asks.listen(this.id, mortal(life, { answer: request => peerYields.answer(request) }))
    life.onDeath(() => asks.hush(this.id))
    const agent = createAgent(
      {
        clock,
        rng: seededRng(seedFor(world.spec.seed, `${this.name}/${world.clock.mono()}`)),
        log,
        journal,
        hypervisor: mortal(life, simHypervisor(world, host)),
        meters: [],
        moves,
        seen: new SeenVms({
          clock,
          log,
          journal,
          histories,
          bootId: host.bootId,
          epochOf: vm => epochs.of(vm),
          read: domid => maker.read(domid),
        }),
        boots: new Boots({
          ...yielding,
          startVm,
          key: signer.fingerprint,
        }).handlers,
        alone,
        sweeper: new Sweeper({
          clock,
          log,
          journal,
          hypervisor,
          bootId: host.bootId,
          xlAtWork: async () => host.xls.size > 0,
        }),
        buffer: this.#buffer,
        connect: () => mortal(life, { connect }).connect(),
        signer,
        coordinatorKeys,
      },
      {
        host: this.id,
        site: host.site.id,
        bootId: host.bootId,
        version: 'simulated',
        moverAddress: `${this.name}.example:7421`,
        peerPort: 7437,
        portals: [PORTAL],
        reportMs: MINUTE,
      },
    )
    this.agent = agent
    // The unit is restarted for as long as the agent cannot start.
    agent.start().catch((error: unknown) => {
      log.error('the agent does not start', { error: String(error) })
      this.killAgent()
    })
  }

  /** By SIGKILL; its unit starts it again. */
  killAgent(): boolean {
    if (!this.#agentLife.alive || !this.agent) return false
    this.agent = undefined
    this.#agentLife.end()
    this.#ports.watched.agentDied(this.id)
    const boot = this.host.bootCount
    this.#ports.world.clock.after(AGENT_RESTART_MS, () => {
      if (!this.#stopped && this.host.power === 'on' && this.host.bootCount === boot) this.startAgent()
    })
    return true
  }

  killMover(role: MoveRole): boolean {
    let any = false
    for (const [name, { life }] of this.#movers)
      if (name.startsWith(role)) {
        any = true
        this.#movers.delete(name)
        life.end()
      }
    return any
  }

  killXl(role: MoveRole): boolean {
    const mine = [...this.host.xls].filter(xl => xl.role === role)
    for (const xl of mine) xl.kill()
    return mine.length > 0
  }

  /** Power is cut: nothing is told to anybody, and what was not synced is gone. */
  powerOff(): boolean {
    const { world } = this.#ports
    if (this.host.power !== 'on') return false
    world.setPower(this.host, 'booting', 'power cut')
    this.killAgent()
    for (const { life } of this.#movers.values()) life.end()
    this.#movers.clear()
    for (const xl of this.host.xls) xl.kill()
    for (const domain of [...this.host.domains.values()]) {
      world.setState(this.host, domain, 'dying', 'power cut')
      for (const disk of domain.config.disks) world.disks.detach(this.id, disk)
      world.remove(this.host, domain, 'power cut')
    }
    for (const vm of world.spec.vms) for (const disk of world.diskOf(vm)) world.disks.detach(this.id, disk)
    this.journal.crash()
    return true
  }

  powerOn(): void {
    if (this.host.power === 'on') return
    this.host.bootCount++
    this.#ports.world.setPower(this.host, 'on', 'booted')
    this.startAgent()
  }

  stop(): void {
    this.#stopped = true
    this.killAgent()
    for (const { life } of this.#movers.values()) life.end()
    this.#movers.clear()
  }

  #launcher(): Launcher {
    return {
      launch: async (role, move, recover) => {
        const name = `${role}/${move}`
        if (this.#movers.has(name)) return
        const order = moveJournal<SourceRecord | TargetRecord>(this.journal, role, move).all()[0]?.body.order
        if (!order) throw new Error(`stream ${name} holds no order`)
        const mover: Mover = { life: new Life(`${role}@${this.name}`, name), status: 'starting' }
        this.#movers.set(name, mover)
        this.#run(mover, order, recover)
          .catch((error: unknown) => {
            if (!(error instanceof Killed))
              this.#ports.log.error('mover failed', { name, error: String(error) })
          })
          .finally(() => {
            if (this.#movers.get(name) === mover) this.#movers.delete(name)
            mover.life.end()
          })
      },
      status: async (role, move) => this.#movers.get(`${role}/${move}`)?.status,
    }
  }

  #run(mover: Mover, order: MoveOrder, recover: boolean): Promise<void> {
    const { world, host, network, peers, streams, signer, coordinatorKeys, log, watched } = this.#ports
    const { role, grant, limits } = order
    const { move, from, to } = grant.body
    const { life } = mover
    const journal = watched.journal(life, this.journal)
    const peer: PeerEnd =
      role === 'source' ? peers.connector(move, from.host, to.host) : peers.listener(move, to.host, from.host)
    life.onDeath(() => peer.die(host.power === 'on'))
    const side: SidePorts = {
      clock: mortalClock(life, world.clock, () => this.wallOffset),
      log: log.with({ move, role }),
      journal,
      hypervisor: watched.hypervisor(life, simHypervisor(world, host)),
      storage: watched.storage(life, simStorage(world, host)),
      signer,
      bootId: host.bootId,
      xlOfMoveGone: () =>
        mortal(life, { gone: async () => ![...host.xls].some(xl => xl.move === move) }).gone(),
      peer: mortal(life, peer),
    }
    const options = {
      coordinatorKeys,
      signal: new AbortController().signal,
      status: (status: SideStatus) => {
        mover.status = status
      },
    }
    const stream = streams.get(move) ?? new StreamConnection(world.clock, network, from.host, to.host)
    streams.set(move, stream)
    const faults = this.#ports.xlFaults()
    /** The kernel closes the pipes of a dead process; a host without power closes nothing. */
    const bury = (transfer: { closePipes(): void }): void =>
      life.onDeath(() => {
        if (host.power === 'on') transfer.closePipes()
        else stream.open = false
      })
    if (role === 'source') {
      if (recover) return runSource(side, order, options)
      const Xl = grant.body.how === 'regular' ? SaveXl : SourceXl
      const xl = new Xl({ world, host, network, stream, move, limitBps: limits.rateBps, faults })
      bury(xl)
      return runSource({ ...side, transfer: watched.sourceXl(life, xl) }, order, options)
    }
    const announce = async (): Promise<void> => world.note(this.id, 'announced', grant.body.config.name)
    const more = {
      ...options,
      promisedMiB: (present: Parameters<typeof promisedMiB>[2]) => promisedMiB(journal, move, present),
      connectMs: CONNECT_MS,
    }
    if (recover) return runTarget({ ...side, announce }, order, more)
    const xl = new TargetXl({ world, host, stream, move, faults })
    bury(xl)
    return runTarget({ ...side, announce, transfer: watched.targetXl(life, xl) }, order, more)
  }
}
