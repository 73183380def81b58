/**
 * Writes down which VMs run here, with the config they were made with, and when one ended while this host lived: after a
 * power cut that is all that tells a VM that was lost from one whose guest had powered itself off.
 */
import { canonical, errorChain, SECOND } from '@heliotrope/shared'
import type {
  Alarm,
  Clock,
  Domain,
  Epoch,
  Journal,
  Log,
  LostVm,
  Ms,
  RunState,
  VmId,
} from '@heliotrope/shared'
import { lostHere, seenStream } from './vm-history.js'
import type { Histories, Seen, SeenKind } from './vm-history.js'

export interface SeenVmsPorts {
  clock: Clock
  log: Log
  journal: Journal
  histories: Histories
  bootId: string
  epochOf: (vm: VmId) => Epoch
  /** The whole config of a domain, for a later boot here; undefined where the driver needs none. */
  read: (domid: number) => Promise<unknown>
}

/** A guest that reboots is away for some seconds. */
const GONE_AFTER_MS: Ms = 30 * SECOND
/** How long the others get to start it before people hear of it. */
const ALARM_AFTER_MS: Ms = 60 * SECOND

const lives: readonly RunState[] = ['running', 'paused', 'suspended']
const ends = { poweroff: 'onPoweroff', reboot: 'onReboot', crashed: 'onCrash' } as const

/** One that has ended and whose config says to make it again counts, too: its guest wants to run. */
const isAlive = ({ state, config }: Domain): boolean =>
  lives.includes(state) ||
  (state in ends && /restart$/.test(config?.[ends[state as keyof typeof ends]] ?? ''))

export class SeenVms {
  readonly #ports: SeenVmsPorts
  readonly #vanishedAt = new Map<VmId, Ms>()
  readonly #lostSince = new Map<VmId, Ms>()
  #lost: LostVm[] = []

  constructor(ports: SeenVmsPorts) {
    this.#ports = ports
  }

  /** Died with an earlier boot of this host, as of the last look. */
  lost(): LostVm[] {
    return this.#lost
  }

  alarms(): Alarm[] {
    const { clock } = this.#ports
    return this.#lost
      .filter(({ vm }) => clock.mono() - (this.#lostSince.get(vm) ?? Infinity) > ALARM_AFTER_MS)
      .map(({ vm, name, certain, seenAt }) => ({
        key: `lost/${vm}`,
        state: 'raised' as const,
        text: certain
          ? `${name} died with this host, and nobody has started it since`
          : `${name} had just vanished when this host went down: whether its guest ended or was rebooting is not known`,
        remedy: `on the coordinator: heliotrope vms boot ${name}; or leave it off`,
        at: seenAt ?? clock.wall(),
      }))
  }

  /** One look at what the hypervisor has just listed. Never throws: what cannot be written now is written at the next. */
  async look(domains: readonly Domain[]): Promise<void> {
    try {
      for (const domain of domains) if (domain.state === 'running') await this.#here(domain)
      const living = new Set(domains.filter(isAlive).map(one => one.uuid))
      for (const [vm, { seen }] of this.#ports.histories.all())
        if (seen && !living.has(vm)) this.#absent(vm, seen)
      this.#findLost(new Set(domains.map(one => one.uuid)))
    } catch (error) {
      this.#ports.log.error('what runs here cannot be written down', { error: errorChain(error) })
    }
  }

  async #here({ uuid, name, config, domid }: Domain): Promise<void> {
    const { bootId, epochOf, histories, read } = this.#ports
    this.#vanishedAt.delete(uuid)
    const before = histories.of(uuid).seen
    const epoch = epochOf(uuid)
    const same =
      before?.kind === 'HERE' &&
      before.bootId === bootId &&
      before.epoch === epoch &&
      (config === undefined || canonical(config) === canonical(before.config ?? null))
    if (same) return
    const made = await read(domid).catch(() => before?.made)
    const body = {
      bootId,
      epoch,
      name: config?.name ?? before?.name ?? name,
      config: config ?? before?.config,
    }
    this.#note(uuid, 'HERE', { ...body, ...(made === undefined ? {} : { made }) })
  }

  #absent(vm: VmId, seen: Seen): void {
    const { bootId, clock, epochOf } = this.#ports
    if (seen.bootId !== bootId || seen.kind === 'GONE') return
    const since = this.#vanishedAt.get(vm) ?? clock.mono()
    this.#vanishedAt.set(vm, since)
    const { kind, at: _at, ...body } = { ...seen, epoch: epochOf(vm) }
    if (clock.mono() - since >= GONE_AFTER_MS) {
      this.#note(vm, 'GONE', body)
      this.#vanishedAt.delete(vm)
    } else if (kind === 'HERE') this.#note(vm, 'VANISHED', body)
  }

  #findLost(here: ReadonlySet<VmId>): void {
    const { bootId, clock, histories } = this.#ports
    this.#lost = [...histories.all()]
      .flatMap(([vm, history]) => (here.has(vm) ? [] : (lostHere(vm, history, bootId) ?? [])))
      .slice(0, 1000)
    const now = new Set(this.#lost.map(({ vm }) => vm))
    for (const vm of this.#lostSince.keys()) if (!now.has(vm)) this.#lostSince.delete(vm)
    for (const vm of now) if (!this.#lostSince.has(vm)) this.#lostSince.set(vm, clock.mono())
  }

  #note(vm: VmId, kind: SeenKind, body: Omit<Seen, 'kind' | 'at'>): void {
    this.#ports.journal.append(seenStream(vm), kind, body)
  }
}
