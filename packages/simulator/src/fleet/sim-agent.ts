/** One host's agent, as composed for the simulation: the real agent and movers, everything below them simulated. */
import { assembleAgent, defaultQualityRules, openReportBuffer } from '@heliotrope/agent'
import type { Agent } from '@heliotrope/agent'
import { MINUTE, SECOND, seededRng } from '@heliotrope/shared'
import type { Cancel, HostId, Log, MemoryJournal, MoveId, MoveRole, Signer, Socket } from '@heliotrope/shared'
import { simStandby } from '../drivers/standby.js'
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
    const rules = { ...defaultQualityRules, staleAfterMs: 5 * MINUTE }
    const agent = assembleAgent(
      {
        ...{ clock, rng, log, connect, signer, coordinatorKeys },
        journal: this.journal,
        hypervisor: simHypervisor(world, host),
        storage: simStorage(world, host),
        maker: simMaker(world, host),
        launcher: this.launcher,
        xlAtWork: async () => host.xls.size > 0,
        meters: this.meters.meters.map(meter => ({ meter, everyMs: 30 * SECOND, rules })),
        standby: simStandby(host, {
          goDown: () => void this.#goDown(),
          wake: this.#ports.wake,
        }),
        buffer: openReportBuffer({ file: ':memory:', clock, log }),
        findings: async () => host.findings,
      },
      {
        ...{ host: id, site: host.site.id, bootId: host.bootId, version: 'simulated' },
        moverAddress: `${id}.example`,
        moverPorts: [7421, 7440],
        portals: [PORTAL],
        reportMs: MINUTE,
        aloneAfterMs: 0,
      },
      // A fleet has no line between agents, and nobody to feed a watchdog for.
      ['watchdog', 'peer-door', 'self-boots'],
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
