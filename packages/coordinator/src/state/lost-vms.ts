/**
 * Which VMs died with a host, by what all hosts say and what the coordinator's own journal certifies. Pure: in doubt a VM is
 * named with what would have to be known, and not started.
 */
import type { Epoch, GrantBody, HostId, LostVm, MoveId, Ms, VmConfig, VmId } from '@heliotrope/shared'
import { mayStillRun } from './claims.js'
import type { Judge } from './claims.js'
import type { VmNote } from './fleet.js'
import type { HostRecord } from './host-record.js'
import { againstDisks, diskUses } from './shared-disks.js'
import { numbering } from './snapshot.js'

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
  /** Several hosts say that it died there, and nothing certifies whose it is: what each says. */
  claims?: { host: HostId; epoch: Epoch; config?: VmConfig }[]
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
  /** Moves of which a side may still take the VM. */
  openMoves: () => readonly GrantBody[]
  givenUp: () => readonly GivenUp[]
  /** Default: the owner that `noteOf` names is certified, and nothing is known beside. */
  judge?: Omit<Judge, 'off'>
}

interface Claim {
  host: HostRecord
  lost: LostVm
  /** Why only an order by hand starts it. */
  doubt?: string
  /** Not by the host's word: by what the coordinator itself has granted. */
  granted?: true
  /** It said so when it was last heard. */
  past?: true
}

const VANISHED = 'it had just vanished when its host went down: its guest may have ended'

export function lostVms(input: LostInput): LostView[] {
  const claims = new Map<VmId, Claim[]>()
  const judge = judgeOf(input)
  const claim = (host: HostRecord, lost: LostVm, more: Partial<Claim> = {}): void =>
    void claims.set(lost.vm, [...(claims.get(lost.vm) ?? []), { host, lost, ...more }])
  for (const host of input.hosts) {
    if (says(host)) for (const lost of host.lost ?? []) claim(host, lost)
    if (isOff(input, host.id)) fencedClaims(host).forEach(lost => claim(host, lost))
    else if (!host.connected)
      for (const lost of fencedClaims(host)) if (judge.vouched(host, lost.vm)) claim(host, lost)
    // Nothing is started on such a word, and none against it.
    if (!says(host) && !isOff(input, host.id))
      for (const lost of host.lost ?? []) if (!judge.vouched(host, lost.vm)) claim(host, lost, { past: true })
  }
  // With one side off the other waits for its word for ever: only a boot by grant ends that.
  const moves = input.openMoves()
  for (const { vm, epoch, config, from, to } of moves)
    for (const id of [from.host, to.host]) {
      const host = input.hosts.find(one => one.id === id)
      if (host && isOff(input, id))
        claim(host, { vm, name: config.name, epoch, certain: true, config }, { granted: true })
    }
  for (const { vm, name, config, epoch, to, why } of input.givenUp()) {
    const host = input.hosts.find(one => one.id === to) ?? input.hosts[0]
    const doubt = `it was given up for a start on ${to}, which failed: ${why}`
    const since = input.noteOf(vm).epoch >= epoch
    const seen = host?.domains.some(domain => domain.uuid === vm) === true
    // Where it was to start: what it says is what it was granted.
    const own = claims.get(vm)?.find(one => one.host.id === to && one.lost.epoch === epoch)
    if (own && !own.past) own.granted = true
    else if (host && !since && !seen)
      claim(host, { vm, name, epoch, certain: false, config }, { doubt, granted: true })
  }
  return [...claims]
    .flatMap(([vm, all]) => judged(vm, all, input, judge, moves) ?? [])
    .sort((a, b) => (a.vm < b.vm ? -1 : 1))
}

/** It is there, and has reported in its present boot. */
const says = ({ bootId, connected, reportBoot }: HostRecord): boolean => connected && reportBoot === bootId

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

/** What is certified; and who was off is known from fences. */
function judgeOf(input: LostInput): Judge {
  const { noteOf } = input
  const plain: Omit<Judge, 'off'> = {
    evidence: {
      certified(vm) {
        const { epoch, owner } = noteOf(vm)
        return owner === undefined ? undefined : { epoch, owner, by: 'our journal' }
      },
      standing: (vm, host) => (noteOf(vm).owner === host ? 'owner' : 'bare'),
    },
    dropped: () => false,
    vouched: () => false,
  }
  return { ...(input.judge ?? plain), off: host => isOff(input, host.id) }
}

/**
 * Of all claims the one that counts, and who stands against it: what is certified or granted; then, of bare words, whose came
 * first, and the others are named.
 */
function weighed(vm: VmId, claims: readonly Claim[], { evidence, dropped }: Judge, note: VmNote) {
  const certified = evidence.certified(vm)
  const sure = ({ host, granted }: Claim): boolean =>
    granted === true || evidence.standing(vm, host.id) === 'owner'
  const bare = claims.filter(one => {
    // Somebody else has owned it since: that host's word is of an earlier life of the VM.
    const past = evidence.standing(vm, one.host.id) === 'gave-up' || one.lost.epoch < note.epoch
    return !sure(one) && certified === undefined && !past
  })
  const heard = bare.filter(({ host }) => !dropped(host, vm))
  const proven = (one: Claim): Epoch => (one.granted ? one.lost.epoch : (certified?.epoch ?? note.epoch))
  const order = (a: Claim, b: Claim): number =>
    Number(a.doubt !== undefined) - Number(b.doubt !== undefined) ||
    proven(b) - proven(a) ||
    Number(evidence.standing(vm, b.host.id) === 'owner') -
      Number(evidence.standing(vm, a.host.id) === 'owner') ||
    (a.host.id < b.host.id ? -1 : 1)
  const [first] = claims.filter(one => sure(one) && !one.past).sort(order)
  if (first) return { first, contested: [] }
  const since = ({ host }: Claim): Ms => host.since?.[vm] ?? 0
  const [said] = heard
    .filter(({ past }) => !past)
    .sort((a, b) => since(a) - since(b) || (a.host.id < b.host.id ? -1 : 1))
  if (said) return { first: said, contested: heard.length > 1 ? heard : [] }
  const [forgotten] = bare.filter(({ past }) => !past).sort((a, b) => since(a) - since(b))
  const doubt = `the word of ${forgotten?.host.id} about it was forgotten`
  return forgotten && { first: { ...forgotten, doubt }, contested: [] }
}

function judged(
  vm: VmId,
  claims: Claim[],
  input: LostInput,
  judge: Judge,
  moves: readonly GrantBody[],
): LostView | undefined {
  const { hosts, noteOf, partiesOf } = input
  const note = noteOf(vm)
  const stuck = moves.find(one => one.vm === vm)
  const sides = stuck ? [stuck.from.host, stuck.to.host] : []
  const cannotEnd = stuck?.move === note.busy && sides.some(side => isOff(input, side))
  const { first, contested } = weighed(vm, claims, judge, note) ?? {}
  if (!first || !contested || (note.busy !== undefined && !cannotEnd)) return undefined
  const { host, lost } = first
  const names = contested.map(one => one.host.id).sort()
  const doubt =
    names.length > 0
      ? `${names.join(' and ')} each say that it died there, and nothing certifies whose it is`
      : (first.doubt ?? (lost.certain ? undefined : VANISHED))
  const others = hosts.filter(one => one !== host)
  const { here, silent } = mayStillRun(vm, others, judge)
  if (here.length > 0) return undefined
  // A side of the move may have taken it since it was last heard, and may still.
  const sidesAway = hosts.filter(one => sides.includes(one.id) && !one.connected && !isOff(input, one.id))
  const away = [...new Set([...silent, ...sidesAway].map(one => one.id))]
  const seen = others.filter(one => one.domains.some(domain => domain.uuid === vm))
  const parties = [
    ...partiesOf(vm),
    ...[...seen, ...(names.length > 0 ? contested : [first]).map(one => one.host)].map(one => one.id),
  ]
  const answers = (id: HostId): boolean => {
    const one = hosts.find(record => record.id === id)
    return one !== undefined && (one.connected || isOff(input, id) || judge.vouched(one, vm))
  }
  const disks = lost.config && againstDisks(lost.config, host.id, diskUses(hosts, judge), judge)
  const blocked =
    away.length > 0
      ? `${away.join(' and ')} had something of it when last heard, and does not answer`
      : (judge.unheard?.(vm) ?? disks)
  return {
    vm,
    name: lost.name,
    epoch: Math.max(note.epoch, first.granted ? lost.epoch : numbering(note, lost.epoch)),
    host: host.id,
    ...(lost.config && { config: lost.config }),
    ...(lost.seenAt !== undefined && { seenAt: lost.seenAt }),
    ...(doubt !== undefined && { doubt }),
    ...(first.granted && first.doubt !== undefined && { givenUp: true }),
    ...(blocked !== undefined && { blocked }),
    ...(note.busy !== undefined && { move: note.busy }),
    ...(names.length > 0 && {
      claims: contested.map(({ host: { id }, lost: { config, epoch } }) => ({
        ...{ host: id, epoch: numbering(note, epoch) },
        ...(config && { config }),
      })),
    }),
    others: [...new Set(parties)].filter(answers).sort(),
  }
}
