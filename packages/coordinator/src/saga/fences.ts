/**
 * Evidence that a host was off after a boot of it: an operator's signed statement, or its management controller's word. It
 * is about that boot alone: a host that is back has another, and one that speaks in the same boot was not off. Then the
 * evidence is void for good, also when that host falls silent again.
 */
import type { BootEvidence, Clock, HostId, Journal } from '@heliotrope/shared'
import type { Alarms } from '../store/alarms.js'

const PREFIX = 'fence/'

export interface FencesPorts {
  clock: Clock
  alarms: Pick<Alarms, 'raise' | 'clear'>
  journal: Journal
  /** What is known of the host now. */
  host: (id: HostId) => { connected: boolean; bootId: string } | undefined
}

export class Fences {
  readonly #ports: FencesPorts
  /** The newest of each host. */
  readonly #evidence = new Map<HostId, BootEvidence>()
  /** The boot in which a host was fenced, and spoke. */
  readonly #untrue = new Map<HostId, string>()

  constructor(ports: FencesPorts) {
    this.#ports = ports
  }

  start(): void {
    const { journal } = this.#ports
    for (const stream of journal.streams(PREFIX, 'all')) {
      const last = journal.read(stream).at(-1)
      if (!last) continue
      const host = stream.slice(PREFIX.length) as HostId
      const body = last.body as BootEvidence
      if (last.kind === 'VOID') this.#untrue.set(host, body.bootId)
      else this.#evidence.set(host, body)
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
    this.#believe(host)
    return evidence
  }

  /** It speaks, in this boot. @throws journal-failed; it counts as said all the same */
  spoke(host: HostId, bootId: string): void {
    const evidence = this.#evidence.get(host)
    if (this.#untrue.has(host) && this.#untrue.get(host) !== bootId) this.#believe(host)
    if (evidence?.bootId !== bootId) return
    this.#untrue.set(host, bootId)
    this.#ports.alarms.raise(
      'coordinator',
      aliveAlarm(host),
      `${host} speaks in the boot in which it was fenced: it was not off (${evidence.text})`,
      `look for VMs that were started elsewhere meanwhile: heliotrope vms, heliotrope sagas; and at what told you that ${host} was off`,
    )
    this.#ports.journal.append(PREFIX + host, 'VOID', evidence)
    this.#evidence.delete(host)
  }

  /** What was said untruly of an earlier boot is over. */
  #believe(host: HostId): void {
    this.#untrue.delete(host)
    this.#ports.alarms.clear('coordinator', aliveAlarm(host))
  }

  /** Undefined where nothing is known of its present boot, or it speaks. */
  of(host: HostId): BootEvidence | undefined {
    const now = this.#ports.host(host)
    const evidence = this.#evidence.get(host)
    if (evidence && this.#untrue.get(host) === evidence.bootId) return undefined
    return now && !now.connected && evidence?.bootId === now.bootId ? evidence : undefined
  }
}

const aliveAlarm = (host: HostId): string => `fenced-alive/${host}`
