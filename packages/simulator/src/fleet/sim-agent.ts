/** One host's agent, as composed for the simulation: the real agent and movers, everything below them simulated. */
import {
  Boots,
  createAgent,
  defaultQualityRules,
  EpochIndex,
  Histories,
  Moves,
  OneAtATime,
  openReportBuffer,
  promisedMiB,
  SeenVms,
  StartVm,
  Sweeper,
} from '@heliotrope/agent'
import type { Agent } from '@heliotrope/agent'
import { MINUTE, SECOND, seededRng } from '@heliotrope/shared'
import type { Cancel, HostId, Log, MemoryJournal, MoveId, MoveRole, Signer, Socket } from '@heliotrope/shared'
import { simPower } from '../drivers/power.js'
import { simHypervisor } from '../drivers/hypervisor.js'
import { simMaker } from '../drivers/maker.js'
import { simStorage } from '../drivers/storage.js'
import { simMeters } from '../drivers/meters.js'
import type { SimMeters } from '../drivers/meters.js'
import type { Network } from '../net/network.js'
import type { Peers } from '../net/peers.js'
import type { Streams } from '../net/streams.js'
import { seedFor } from '../world/noise.js'
import type { SimHost } from '../world/sim-host.js'
import { PORTAL } from '../world/spec.js'
import type { World } from '../world/world.js'
import type { SourceXlFaults } from '../xl/source-xl.js'
import type { TargetXlFaults } from '../xl/target-xl.js'
import { InlineLauncher } from './inline-launcher.js'

export interface SimAgentPorts {
  world: World
  host: SimHost
  journal: MemoryJournal
  network: Network
  peers: Peers
  streams: Streams
  signer: Signer
  coordinatorKeys: readonly string[]
  connect: () => Promise<Socket>
  /** Wakes another host of the site. */
  wake: (host: HostId) => void
  log: Log
}

export class SimAgent {
  readonly host: SimHost
  /** Outlives the agent, as a disk does. */
  readonly journal: MemoryJournal
  readonly launcher: InlineLauncher
  readonly meters: SimMeters
  /** What goes wrong with the next xl here. */
  xlFaults: (role: MoveRole, move: MoveId) => SourceXlFaults & TargetXlFaults = () => ({})
  readonly #ports: SimAgentPorts
  #agent: Agent | undefined
  #cancelWake: Cancel | undefined

  constructor(ports: SimAgentPorts) {
    this.#ports = ports
    this.host = ports.host
    this.journal = ports.journal
    this.meters = simMeters(ports.world, ports.host)
    this.launcher = new InlineLauncher({
      ...ports,
      journal: this.journal,
      xlFaults: (role, move) => this.xlFaults(role, move),
    })
  }

  async start(): Promise<void> {
    const { world, host, signer, coordinatorKeys, connect, log } = this.#ports
    const { clock } = world
    const { id } = host.spec
    const rng = seededRng(seedFor(world.spec.seed, `${id}/${host.bootCount}`))
    const epochs = new EpochIndex(this.journal)
    const moves = new Moves({
      clock,
      log,
      journal: this.journal,
      epochs,
      launcher: this.launcher,
      host: id,
      key: signer.fingerprint,
      bootId: host.bootId,
      coordinatorKeys,
      address: `${id}.example`,
      ports: [7421, 7440],
    })
    const rules = { ...defaultQualityRules, staleAfterMs: 5 * MINUTE }
    const neighbours = host.site.hosts.map(other => other.id).filter(other => other !== id)
    const histories = new Histories(this.journal)
    const hypervisor = simHypervisor(world, host)
    const agent = createAgent(
      {
        clock,
        rng,
        log,
        journal: this.journal,
        hypervisor,
        meters: this.meters.meters.map(meter => ({ meter, everyMs: 30 * SECOND, rules })),
        moves,
        seen: new SeenVms({
          clock,
          log,
          journal: this.journal,
          histories,
          bootId: host.bootId,
          epochOf: vm => epochs.of(vm),
          read: async () => undefined,
        }),
        boots: new Boots({
          clock,
          log,
          journal: this.journal,
          hypervisor,
          startVm: new StartVm({
            clock,
            log,
            hypervisor,
            storage: simStorage(world, host),
            maker: simMaker(world, host),
            histories,
            host: id,
            promisedMiB: present => promisedMiB(this.journal, undefined, present),
          }),
          epochs,
          oneAtATime: new OneAtATime(),
          host: id,
          key: signer.fingerprint,
          bootId: host.bootId,
          coordinatorKeys,
          openMoves: () => moves.open(),
        }).handlers,
        sweeper: new Sweeper({
          clock,
          log,
          journal: this.journal,
          hypervisor,
          bootId: host.bootId,
          xlAtWork: async () => host.xls.size > 0,
        }),
        power: simPower({
          host,
          moves,
          after: (delay, fn) => void clock.after(delay, fn),
          goDown: () => void this.#goDown(),
          neighbours: () => neighbours,
          wake: this.#ports.wake,
        }),
        buffer: openReportBuffer({ file: ':memory:', clock, log }),
        connect,
        findings: async () => host.findings,
        signer,
        coordinatorKeys,
      },
      {
        host: id,
        site: host.site.id,
        bootId: host.bootId,
        version: 'simulated',
        moverAddress: `${id}.example:7421`,
        portals: [PORTAL],
        reportMs: MINUTE,
      },
    )
    this.#agent = agent
    await agent.start()
  }

  /** The host is called: from standby it boots, anything else changes nothing. */
  wake(): void {
    const { world, host } = this.#ports
    if (host.power !== 'standby' || this.#cancelWake) return
    world.setPower(host, 'booting', 'woken')
    this.#cancelWake = world.clock.after(host.spec.wakeMs ?? MINUTE, () => {
      this.#cancelWake = undefined
      host.bootCount++
      world.setPower(host, 'on', 'booted')
      void this.start()
    })
  }

  async #goDown(): Promise<void> {
    const { world, host } = this.#ports
    await this.stop()
    world.setPower(host, 'standby', 'told to')
  }

  /** Stops the agent alone: its movers live on, as on a host. */
  async stop(): Promise<void> {
    this.#cancelWake?.()
    await this.#agent?.stop()
    this.#agent = undefined
  }
}
