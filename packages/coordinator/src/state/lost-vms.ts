/**
 * Which VMs died with a host, by what all hosts say and what the coordinator's own journal certifies. Pure: in doubt a VM is
 * named with what would have to be known, and not started.
 */
import type { Epoch, GrantBody, HostId, LostVm, MoveId, Ms, VmConfig, VmId } from '@heliotrope/shared'
import type { HostRecord } from './host-record.js'
import type { VmNote } from './notes.js'

export interface LostView {
  vm: VmId
  name: string
  /** Of the host that owned it. */
  epoch: Epoch
  /** The host with which it died; it has the first right to start it. */
  host: HostId
  config?: VmConfig
  seenAt?: Ms
  /** Why only an order by hand starts it. */
  doubt?: string
  /** It did not die with `host`: it was to start there. */
  givenUp?: true
  /** Why nobody may start it yet. */
  blocked?: string
  /** An open move of it that cannot end by itself: a boot ends it. */
  move?: MoveId
  /** Every other host that may hold something of it. */
  others: HostId[]
}

/** What its owner gave up for a start elsewhere that came to nothing: nobody has it any more, and nobody would speak of it. */
export interface GivenUp {
  vm: VmId
  name: string
  config: VmConfig
  /** Of the grant that started nothing. */
  epoch: Epoch
  /** Where it was to start. */
  to: HostId
  why: string
}

export interface LostInput {
  hosts: readonly HostRecord[]
  noteOf: (vm: VmId) => VmNote
  /** That the host was off after the boot it was last heard of in. */
  fenced: (host: HostId, bootId: string) => boolean
  /** Hosts that took part in moves and boots of the VM. */
  partiesOf: (vm: VmId) => readonly HostId[]
  /** Moves that have not ended. */
  openMoves: () => readonly GrantBody[]
  givenUp: () => readonly GivenUp[]
}

interface Claim {
  host: HostRecord
  lost: LostVm
  /** Why only an order by hand starts it. */
  doubt?: string
}

const VANISHED = 'it had just vanished when its host went down: its guest may have ended'

export function lostVms(input: LostInput): LostView[] {
  const claims = new Map<VmId, Claim[]>()
  const claim = (host: HostRecord, lost: LostVm): void =>
    void claims.set(lost.vm, [...(claims.get(lost.vm) ?? []), { host, lost }])
  for (const host of input.hosts) {
    if (host.connected && host.reportBoot === host.bootId)
      for (const lost of host.lost ?? []) claim(host, lost)
    else if (isOff(input, host.id)) fencedClaims(host).forEach(lost => claim(host, lost))
  }
  // With one side off the other waits for its word for ever: only a boot by grant ends that.
  const moves = input.hosts.some(host => isOff(input, host.id)) ? input.openMoves() : []
  for (const { vm, epoch, config, from, to } of moves)
    for (const id of [from.host, to.host]) {
      const host = input.hosts.find(one => one.id === id)
      if (host && isOff(input, id)) claim(host, { vm, name: config.name, epoch, certain: true, config })
    }
  for (const { vm, name, config, epoch, to, why } of input.givenUp()) {
    const host = input.hosts.find(one => one.id === to) ?? input.hosts[0]
    const doubt = `it was given up for a start on ${to}, which failed: ${why}`
    const since = input.noteOf(vm).epoch >= epoch
    const seen = input.hosts.some(one => one.domains.some(domain => domain.uuid === vm))
    if (host && !since && !seen && !claims.has(vm))
      claims.set(vm, [{ host, lost: { vm, name, epoch, certain: false, config }, doubt }])
  }
  return [...claims]
    .flatMap(([vm, all]) => judged(vm, all, input, moves) ?? [])
    .sort((a, b) => (a.vm < b.vm ? -1 : 1))
}

const isOff = ({ hosts, fenced }: LostInput, id: HostId): boolean => {
  const host = hosts.find(one => one.id === id)
  return host !== undefined && !host.connected && fenced(id, host.bootId)
}

/** A host that is off tells nothing: what it last reported as running died with it. */
const fencedClaims = (host: HostRecord): LostVm[] => [
  ...(host.lost ?? []),
  ...host.domains
    .filter(domain => domain.state === 'running' || domain.state === 'paused' || domain.state === 'suspended')
    .filter(domain => !domain.name.endsWith('--incoming'))
    .map(({ uuid, name, epoch, config }) => ({
      vm: uuid,
      name: config?.name ?? name,
      epoch,
      certain: true,
      seenAt: host.lastReportAt,
      ...(config && { config }),
    })),
]

function judged(
  vm: VmId,
  claims: Claim[],
  input: LostInput,
  moves: readonly GrantBody[],
): LostView | undefined {
  const { hosts, noteOf, partiesOf } = input
  const [first] = [...claims].sort((a, b) => b.lost.epoch - a.lost.epoch || (a.host.id < b.host.id ? -1 : 1))
  const note = noteOf(vm)
  const stuck = moves.find(one => one.vm === vm)
  const cannotEnd = stuck && [stuck.from, stuck.to].some(side => isOff(input, side.host))
  if (!first || (note.busy !== undefined && !cannotEnd)) return undefined
  const { host, lost } = first
  const doubt = first.doubt ?? (lost.certain ? undefined : VANISHED)
  // Somebody else has owned it since: this host's word is of an earlier life of the VM.
  if (lost.epoch < note.epoch && note.owner !== host.id) return undefined
  const seen = hosts.filter(one => one !== host && one.domains.some(domain => domain.uuid === vm))
  // What a move holds it yields; what stands there otherwise is somebody's.
  const held = (one: HostRecord): boolean =>
    one.domains.every(
      domain => domain.uuid !== vm || (domain.move !== undefined && domain.state !== 'running'),
    )
  if (seen.some(one => one.connected && !held(one))) return undefined
  const silent = seen.filter(one => !one.connected && !isOff(input, one.id)).map(one => one.id)
  const parties = [...partiesOf(vm), ...seen.map(one => one.id), ...claims.map(one => one.host.id)]
  const reachable = (id: HostId): boolean =>
    isOff(input, id) || hosts.some(one => one.id === id && one.connected)
  return {
    vm,
    name: lost.name,
    epoch: Math.max(lost.epoch, note.epoch),
    host: host.id,
    ...(lost.config && { config: lost.config }),
    ...(lost.seenAt !== undefined && { seenAt: lost.seenAt }),
    ...(doubt !== undefined && { doubt }),
    ...(first.doubt !== undefined && { givenUp: true }),
    ...(silent.length > 0 && {
      blocked: `${silent.join(' and ')} had something of it when last heard, and does not answer`,
    }),
    ...(note.busy !== undefined && stuck && { move: stuck.move }),
    others: [...new Set(parties)].filter(id => reachable(id)).sort(),
  }
}
