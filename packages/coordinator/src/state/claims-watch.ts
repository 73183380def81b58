/**
 * Raises the alarm when hosts contradict each other, or what is certified, about a VM: until somebody has looked, nothing
 * happens to that VM by itself. Not at once: reports come one after the other.
 */
import { SECOND } from '@heliotrope/shared'
import type { Cancel, Clock, HostId, Ms, VmId } from '@heliotrope/shared'
import type { Alarms } from '../store/alarms.js'
import { claimsOf, saying } from './claims.js'
import type { Claim, Judge } from './claims.js'
import type { VmNote } from './fleet.js'
import type { HostRecord } from './host-record.js'

export interface ClaimsWatchPorts {
  clock: Clock
  alarms: Pick<Alarms, 'raise' | 'clear' | 'raised'>
  hosts: () => readonly HostRecord[]
  judge: Judge
  noteOf: (vm: VmId) => VmNote
}

const SOURCE = 'coordinator'
const PREFIX = 'claim/'
const BARE_PREFIX = 'bare-epochs/'
const PERSISTS_MS: Ms = 10 * SECOND

interface Conflict {
  vm: VmId
  text: string
  remedy: string
}

export class ClaimsWatch {
  readonly #ports: ClaimsWatchPorts
  readonly #since = new Map<VmId, Ms>()
  readonly #bareSince = new Map<HostId, Ms>()
  #again: Cancel = () => {}

  constructor(ports: ClaimsWatchPorts) {
    this.#ports = ports
  }

  /** To be called after each important change of the fleet. */
  look(): void {
    const { alarms, clock } = this.#ports
    this.#again()
    this.#again = () => {}
    const now = clock.mono()
    const conflicts = this.#conflicts()
    const named = new Set(conflicts.map(({ vm }) => vm))
    for (const vm of this.#since.keys()) if (!named.has(vm)) this.#since.delete(vm)
    // Also those that an earlier process raised.
    const raised = alarms.raised().filter(({ source, key }) => source === SOURCE && key.startsWith(PREFIX))
    for (const { key } of raised) if (!named.has(key.slice(PREFIX.length) as VmId)) alarms.clear(SOURCE, key)
    for (const { vm, text, remedy } of conflicts) {
      const since = this.#since.get(vm) ?? now
      this.#since.set(vm, since)
      if (now - since < PERSISTS_MS) continue
      const key = PREFIX + vm
      const before = raised.find(one => one.key === key)
      if (before && before.text !== text) alarms.clear(SOURCE, key)
      alarms.raise(SOURCE, key, text, remedy)
    }
    const bare = this.#lookForBare(now)
    if (conflicts.length > 0 || bare) this.#again = clock.after(PERSISTS_MS, () => this.look())
  }

  stop(): void {
    this.#again()
  }

  /** @returns whether there are any */
  #lookForBare(now: Ms): boolean {
    const { alarms, hosts, judge, noteOf } = this.#ports
    let any = false
    for (const host of hosts()) {
      const named = host.connected ? bareOf(host, judge, noteOf) : []
      const since = named.length > 0 ? (this.#bareSince.get(host.id) ?? now) : undefined
      const key = BARE_PREFIX + host.id
      if (since === undefined) {
        this.#bareSince.delete(host.id)
        alarms.clear(SOURCE, key)
        continue
      }
      any = true
      this.#bareSince.set(host.id, since)
      if (now - since < PERSISTS_MS) continue
      const text = `${host.id} names epochs that nothing certifies: ${named.slice(0, 20).join(', ')}`
      alarms.raise(
        SOURCE,
        key,
        text.slice(0, 1000),
        `they count for nothing. Was data of the coordinator lost, and is the agent of ${host.id} of an earlier version? Otherwise look at ${host.id}`,
      )
    }
    return any
  }

  #conflicts(): Conflict[] {
    const { hosts, judge, noteOf } = this.#ports
    const records = hosts()
    const said = records.flatMap(({ domains, lost }) => [
      ...domains.map(({ uuid, config, name }) => [uuid, config?.name ?? name] as const),
      ...(lost ?? []).map(({ vm, name }) => [vm, name] as const),
    ])
    return [...new Map(said)]
      .filter(([vm]) => noteOf(vm).busy === undefined)
      .flatMap(([vm, name]) => conflictOf(vm, name, claimsOf(vm, records, judge), judge, records) ?? [])
      .sort((a, b) => (a.vm < b.vm ? -1 : 1))
  }
}

/** Epochs that a host names and nobody certifies: they count for nothing, and somebody should know. */
function bareOf(host: HostRecord, { evidence }: Judge, noteOf: ClaimsWatchPorts['noteOf']): string[] {
  const said = [
    ...host.domains.map(({ uuid, name, epoch }) => ({ vm: uuid, name, epoch })),
    ...(host.lost ?? []),
  ]
  return said
    .filter(({ vm, epoch }) => {
      const certified = evidence.certified(vm)?.epoch ?? 0
      return noteOf(vm).busy === undefined && epoch > certified + 3
    })
    .map(({ name, epoch }) => `${name} (${epoch})`)
}

function conflictOf(
  vm: VmId,
  name: string,
  claims: readonly Claim[],
  { evidence }: Judge,
  hosts: readonly HostRecord[],
): Conflict | undefined {
  const certified = evidence.certified(vm)
  const others = claims.filter(({ host }) => host.id !== certified?.owner)
  // Of a VM that runs at two places at once the alarm says so already.
  const twice = claims.every(({ host, what }) => what === 'runs' && host.connected)
  if (others.length === 0 || (claims.length < 2 && !certified) || twice) return undefined
  // Somebody has moved it by hand, and its owner, who is there, says nothing of it any more.
  const owner = hosts.find(({ id }) => id === certified?.owner)
  const letGo =
    owner?.connected && owner.reportBoot === owner.bootId && !claims.some(one => one.host === owner)
  if (letGo && claims.length === 1 && others[0]?.what !== 'lost') return undefined
  const known = certified
    ? `${certified.owner} owns it by ${certified.by}, at epoch ${certified.epoch}`
    : 'nothing certifies whose it is'
  const hold = certified ? '' : ': nothing is done with it by itself'
  return {
    vm,
    text: `hosts contradict each other about ${name} (${vm}): ${claims.map(saying).join('; ')}; ${known}${hold}`.slice(
      0,
      1000,
    ),
    remedy: `look at these hosts. heliotrope forget HOST: what it says of VMs that it does not certifiably own counts no more; whether it runs there is told by heliotrope fence HOST, or heliotrope forget ${name} --host HOST --not-running`,
  }
}
