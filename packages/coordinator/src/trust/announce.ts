/** Tells agents whom to trust: revoked hosts, and the coordinator's own keys when they change. At connect and on change. */
import { errorChain, SECOND } from '@heliotrope/shared'
import type { Cancel, Clock, HostId, Log, Ms, Trust } from '@heliotrope/shared'
import type { Agents } from '../ingest/sessions.js'
import type { Enrolment } from '../store/enrolment.js'
import type { KeyRing } from './key-ring.js'

const AGAIN_MS: Ms = 30 * SECOND
/** What one command carries; older ones were told long ago, and movers know the key of the Grant besides. */
const MAX_REVOKED = 2000

export interface AnnouncePorts {
  clock: Clock
  log: Log
  agents: Agents
  enrolment: Enrolment
  /** Absent where there is no authority (the simulator). */
  keys?: Pick<KeyRing, 'standing'>
  /** Fingerprint of the key that signs now. */
  signer: () => string
}

export class TrustAnnouncer {
  readonly #ports: AnnouncePorts
  /** What each host has noted last. In memory only: each connect tells it again. */
  readonly #noted = new Map<HostId, string>()
  readonly #again = new Map<HostId, Cancel>()
  #stopped = false

  constructor(ports: AnnouncePorts) {
    this.#ports = ports
  }

  /** A host has connected, or the list has changed. Nothing is sent where nothing was ever revoked or rotated. */
  tell(host: HostId): void {
    const { agents, clock, log } = this.#ports
    this.#again.get(host)?.()
    this.#again.delete(host)
    const trust = this.#trust()
    const plain = trust.revoked.length === 0 && trust.coordinatorKeys.length === 1 && this.#retired() === 0
    if (plain || !agents.connected(host)) return
    agents.call(host, 'host.trust', trust).then(
      () => void this.#noted.set(host, textOf(trust)),
      (error: unknown) => {
        // Its session ended with us.
        if (this.#stopped) return
        log.warn('a host does not know yet whom to trust', { host, error: errorChain(error) })
        this.#again.set(
          host,
          clock.after(AGAIN_MS, () => this.tell(host)),
        )
      },
    )
  }

  tellAll(): void {
    for (const { id, revokedAt } of this.#ports.enrolment.list()) if (revokedAt === undefined) this.tell(id)
  }

  /** Hosts that may come back and have not noted the present list. */
  waitingFor(): HostId[] {
    const text = textOf(this.#trust())
    return this.#ports.enrolment
      .list()
      .filter(({ id, revokedAt }) => revokedAt === undefined && this.#noted.get(id) !== text)
      .map(({ id }) => id)
  }

  stop(): void {
    this.#stopped = true
    for (const cancel of this.#again.values()) cancel()
    this.#again.clear()
  }

  #retired(): number {
    return this.#ports.keys?.standing().retired.length ?? 0
  }

  #trust(): Trust {
    const { enrolment, keys, signer } = this.#ports
    const next = keys?.standing().next
    return {
      revoked: enrolment.revokedKeys().slice(0, MAX_REVOKED),
      coordinatorKeys: [signer(), ...(next === undefined ? [] : [next])],
    }
  }
}

const textOf = (trust: Trust): string => JSON.stringify(trust)
