/**
 * Movers in-process: the real loops of both sides on simulated ports. Killing one is what SIGKILL does to a process: it
 * stops at once, and the kernel closes its pipes and connections.
 */
import { moveJournal, promisedMiB, runSource, runTarget } from '@heliotrope/agent'
import type {
  Launcher,
  MoveOrder,
  SidePorts,
  SideStatus,
  SourceRecord,
  TargetRecord,
} from '@heliotrope/agent'
import { MINUTE } from '@heliotrope/shared'
import type { Journal, Log, MoveId, MoveRole, Signer } from '@heliotrope/shared'
import type { Network } from '../net/network.js'
import type { Peers } from '../net/peers.js'
import type { Streams } from '../net/streams.js'
import { simHypervisor } from '../drivers/hypervisor.js'
import { simStorage } from '../drivers/storage.js'
import type { SimHost } from '../world/sim-host.js'
import type { World } from '../world/world.js'
import { SaveXl } from '../xl/save-xl.js'
import { SourceXl } from '../xl/source-xl.js'
import type { SourceXlFaults } from '../xl/source-xl.js'
import { TargetXl } from '../xl/target-xl.js'
import type { TargetXlFaults } from '../xl/target-xl.js'

export interface LauncherPorts {
  world: World
  host: SimHost
  network: Network
  peers: Peers
  streams: Streams
  journal: Journal
  signer: Signer
  log: Log
  coordinatorKeys: readonly string[]
  /** Asked for each xl that starts. */
  xlFaults: (role: MoveRole, move: MoveId) => SourceXlFaults & TargetXlFaults
}

interface Running {
  abort: AbortController
  status: SideStatus | 'starting'
  done: Promise<void>
}

export class InlineLauncher implements Launcher {
  readonly #ports: LauncherPorts
  readonly #running = new Map<string, Running>()

  constructor(ports: LauncherPorts) {
    this.#ports = ports
  }

  async launch(role: MoveRole, move: MoveId, recover: boolean): Promise<void> {
    const name = `${role}/${move}`
    if (this.#running.has(name)) return
    const { journal, log } = this.#ports
    const order = moveJournal<SourceRecord | TargetRecord>(journal, role, move).all()[0]?.body.order
    if (order === undefined) throw new Error(`stream ${name} holds no order`)
    const running: Running = { abort: new AbortController(), status: 'starting', done: Promise.resolve() }
    this.#running.set(name, running)
    running.done = this.#run(order, recover, running)
      .catch((error: unknown) => log.error('mover failed', { name, error: String(error) }))
      .finally(() => {
        if (this.#running.get(name) === running) this.#running.delete(name)
        this.#ports.streams.leave(move)
      })
  }

  async status(role: MoveRole, move: MoveId): Promise<SideStatus | 'starting' | undefined> {
    return this.#running.get(`${role}/${move}`)?.status
  }

  /** What the movers here say of themselves. */
  statuses(): SideStatus[] {
    return [...this.#running.values()].flatMap(({ status }) => (status === 'starting' ? [] : status))
  }

  /** As by SIGKILL. @returns false if no mover of this side lives */
  async kill(role: MoveRole, move: MoveId): Promise<boolean> {
    const running = this.#running.get(`${role}/${move}`)
    if (running === undefined) return false
    running.abort.abort(new Error('killed'))
    await running.done
    return true
  }

  /** Kills all; with them everything that a host does for moves. */
  async stop(): Promise<void> {
    const all = [...this.#running.values()]
    for (const { abort } of all) abort.abort(new Error('stopped'))
    await Promise.all(all.map(({ done }) => done))
  }

  #run(order: MoveOrder, recover: boolean, running: Running): Promise<void> {
    const { world, host, journal, signer, log, peers, streams, network, coordinatorKeys, xlFaults } =
      this.#ports
    const { role, grant, limits } = order
    const { move, from, to } = grant.body
    const side: Omit<SidePorts, 'peer'> = {
      clock: world.clock,
      log: log.with({ move, role }),
      journal,
      hypervisor: simHypervisor(world, host),
      storage: simStorage(world, host),
      signer,
      bootId: host.bootId,
      xlOfMoveGone: async () => ![...host.xls].some(xl => xl.move === move),
    }
    const options = {
      coordinatorKeys,
      signal: running.abort.signal,
      status: (status: SideStatus) => {
        running.status = status
      },
    }
    const stream = streams.enter(move, from.host, to.host)
    const faults = xlFaults(role, move)
    if (role === 'source') {
      const peer = peers.connector(move, from.host, to.host)
      const Xl = grant.body.how === 'regular' ? SaveXl : SourceXl
      const transfer = new Xl({ world, host, network, stream, move, limitBps: limits.rateBps, faults })
      return runSource({ ...side, peer, ...(recover ? {} : { transfer }) }, order, options)
    }
    const peer = peers.listener(move)
    const transfer = new TargetXl({ world, host, stream, move, faults })
    const announce = async (): Promise<void> => world.note(host.spec.id, 'announced', grant.body.config.name)
    return runTarget({ ...side, peer, announce, ...(recover ? {} : { transfer }) }, order, {
      ...options,
      promisedMiB: present => promisedMiB(journal, move, present),
      connectMs: 5 * MINUTE,
    })
  }
}
