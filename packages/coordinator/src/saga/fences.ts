/**
 * Evidence that a host was off after a boot of it: an operator's signed statement, or its management controller's word. It
 * is about that boot alone: a host that is back has another, and one that speaks in the same boot was not off.
 */
import type { BootEvidence, Clock, HostId, Journal } from '@heliotrope/shared'

const PREFIX = 'fence/'

export interface FencesPorts {
  clock: Clock
  journal: Journal
  /** What is known of the host now. */
  host: (id: HostId) => { connected: boolean; bootId: string } | undefined
}

export class Fences {
  readonly #ports: FencesPorts
  /** The newest of each host. */
  readonly #evidence = new Map<HostId, BootEvidence>()

  constructor(ports: FencesPorts) {
    this.#ports = ports
  }

  start(): void {
    const { journal } = this.#ports
    for (const stream of journal.streams(PREFIX, 'all')) {
      const last = journal.read(stream).at(-1)
      if (last) this.#evidence.set(stream.slice(PREFIX.length) as HostId, last.body as BootEvidence)
    }
  }

  /** @throws journal-failed: then nothing may follow from it */
  note(host: HostId, what: 'power-off' | 'operator', text: string): BootEvidence {
    const { clock, journal } = this.#ports
    const bootId = this.#ports.host(host)?.bootId ?? ''
    const evidence: BootEvidence = {
      host,
      what,
      bootId,
      text: text.slice(0, 500),
      at: Math.round(clock.wall()),
    }
    journal.append(PREFIX + host, 'FENCED', evidence)
    this.#evidence.set(host, evidence)
    return evidence
  }

  /** Undefined where nothing is known of its present boot, or it speaks. */
  of(host: HostId): BootEvidence | undefined {
    const now = this.#ports.host(host)
    const evidence = this.#evidence.get(host)
    return now && !now.connected && evidence?.bootId === now.bootId ? evidence : undefined
  }
}
