/**
 * What hosts are to do with VMs that died with them while the coordinator is gone: told at each connect and on change, and
 * journalled before it is told. It binds the coordinator, too: while a host that is off would not ask another one, a VM that
 * it may start by itself is not given to that one.
 */
import { bootPolicyOf, canonical, errorChain, HeliotropeError, SECOND } from '@heliotrope/shared'
import type {
  BootOrders,
  BootPolicy,
  Cancel,
  Clock,
  HostFacts,
  HostId,
  Journal,
  Log,
  Ms,
  VmId,
} from '@heliotrope/shared'
import type { Agents } from '../ingest/sessions.js'

export interface StandingOrdersPorts {
  clock: Clock
  log: Log
  journal: Journal
  agents: Agents
  /** Absent: auto for all. */
  boot?: BootPolicy | undefined
  /** Hosts that may come in, with their keys. */
  enrolled: () => { id: HostId; key: string }[]
  host: (id: HostId) => { facts?: HostFacts | undefined } | undefined
}

const PREFIX = 'orders/'
const AGAIN_MS: Ms = 30 * SECOND

/** Body of TOLD in `orders/HOST`: what the host may hold from here on. NOTED: it holds this, and nothing from before. */
interface Told extends BootPolicy {
  peers: HostId[]
}

interface Standing {
  /** Any of these. */
  may: Told[]
  /** What was said last. */
  last: string
  noted: boolean
}

export class StandingOrders {
  readonly #ports: StandingOrdersPorts
  readonly #standing = new Map<HostId, Standing>()
  /** What each host has answered in this session, with addresses. In memory only: each connect tells it again. */
  readonly #heard = new Map<HostId, string>()
  readonly #telling = new Set<HostId>()
  readonly #again = new Map<HostId, Cancel>()
  #stopped = false

  constructor(ports: StandingOrdersPorts) {
    this.#ports = ports
  }

  /** Reads the journal. @throws journal-failed */
  start(): void {
    const { journal } = this.#ports
    for (const stream of journal.streams(PREFIX, 'all'))
      for (const { kind, body } of journal.read(stream))
        if (kind === 'TOLD') this.#told(stream.slice(PREFIX.length) as HostId, body as Told)
        else this.#noted(stream.slice(PREFIX.length) as HostId)
  }

  stop(): void {
    this.#stopped = true
    for (const cancel of this.#again.values()) cancel()
    this.#again.clear()
  }

  /** Something about the hosts has changed. */
  look(): void {
    const { agents, enrolled } = this.#ports
    for (const { id } of enrolled())
      if (agents.connected(id) && this.#heard.get(id) !== undefined) this.#say(id)
  }

  /** A host has connected. */
  tell(host: HostId): void {
    this.#heard.set(host, '')
    this.#say(host)
  }

  /**
   * @param off hosts that were off, as evidence says: they may be back, and hear of nothing
   * @throws refused if one of them may start the VM by itself without asking `to`
   */
  mayGoTo(to: HostId, off: readonly HostId[], vm: VmId, name: string): void {
    for (const host of off)
      for (const told of this.#standing.get(host)?.may ?? [])
        if (host !== to && bootPolicyOf(told, vm, name) === 'auto' && !told.peers.includes(to))
          throw new HeliotropeError(
            'refused',
            `${host} does not know ${to}, and when it is back it may start ${name} without asking it`,
            {
              remedy: `start it on one of: ${told.peers.join(', ') || 'no other host'}; or bring ${host} back`,
            },
          )
  }

  #say(host: HostId): void {
    const { agents, clock, journal, log } = this.#ports
    if (this.#stopped || this.#telling.has(host) || !agents.connected(host)) return
    const orders = this.#ordersFor(host)
    const text = canonical(orders)
    if (this.#heard.get(host) === text) return
    const told: Told = {
      policy: orders.policy,
      except: orders.except,
      peers: orders.peers.map(peer => peer.host),
    }
    this.#telling.add(host)
    const attempt = async (): Promise<void> => {
      if (this.#standing.get(host)?.last !== canonical(told)) {
        journal.append(PREFIX + host, 'TOLD', told)
        this.#told(host, told)
      }
      await agents.call(host, 'host.boots', orders)
      if (this.#stopped) return
      if (!this.#standing.get(host)?.noted) {
        journal.append(PREFIX + host, 'NOTED', {})
        this.#noted(host)
      }
      this.#heard.set(host, text)
    }
    attempt().then(
      () => {
        this.#telling.delete(host)
        this.#say(host)
      },
      (error: unknown) => {
        this.#telling.delete(host)
        if (this.#stopped) return
        // An agent of an earlier version: it starts nothing by itself.
        if (HeliotropeError.from(error).code === 'unknown') return void this.#heard.set(host, text)
        log.info('a host does not know yet what to do alone', { host, error: errorChain(error) })
        this.#again.get(host)?.()
        this.#again.set(
          host,
          clock.after(AGAIN_MS, () => this.#say(host)),
        )
      },
    )
  }

  #ordersFor(host: HostId): BootOrders {
    const { boot, enrolled, host: known } = this.#ports
    const peers = enrolled()
      .filter(({ id }) => id !== host)
      .map(({ id, key }) => {
        const facts = known(id)?.facts
        return {
          ...{ host: id, key },
          ...(facts?.peerPort !== undefined && { address: facts.moverAddress, port: facts.peerPort }),
        }
      })
      .sort((a, b) => (a.host < b.host ? -1 : 1))
    return { policy: boot?.policy ?? 'auto', except: [...(boot?.except ?? [])], peers }
  }

  #told(host: HostId, told: Told): void {
    const may = this.#standing.get(host)?.may ?? []
    this.#standing.set(host, { may: [...may, told], last: canonical(told), noted: false })
  }

  #noted(host: HostId): void {
    const standing = this.#standing.get(host)
    const last = standing?.may.at(-1)
    if (standing && last) this.#standing.set(host, { ...standing, may: [last], noted: true })
  }
}
