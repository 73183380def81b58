/**
 * What hosts claim of a VM, held against what is certified of it: who stands in the way of a grant to somebody else, and which
 * claims contradict each other. Pure. A claim takes nothing from anybody; it can only make others wait, with its host named.
 */
import type { Domain, HostId, VmId } from '@heliotrope/shared'
import type { Evidence } from './evidence.js'
import type { HostRecord } from './host-record.js'

/** What is known beside the reports. */
export interface Judge {
  evidence: Pick<Evidence, 'certified' | 'standing'>
  /** It was off after the boot it was last heard of in. */
  off: (host: HostRecord) => boolean
  /** Its bare claims to own this VM count for nothing any more. */
  dropped: (host: HostRecord, vm: VmId) => boolean
  /** An admin has said that it does not run this VM, whatever it was heard to say. */
  vouched: (host: HostRecord, vm: VmId) => boolean
  /** Why nobody can know yet where it may run: our data is older than the fleet. In words. */
  unheard?: (vm: VmId) => string | undefined
}

export interface Claim {
  host: HostRecord
  /** `has`: a copy that does not run, and that no move of ours holds. */
  what: 'runs' | 'has' | 'lost'
}

/** In which a VM may execute now, or be made to. */
const lives = ({ state }: Domain): boolean =>
  state === 'running' || state === 'paused' || state === 'suspended'

/** What a move holds is that move's, unless it runs. */
const held = (domain: Domain): boolean => domain.move !== undefined && domain.state !== 'running'

const domainsOf = (host: HostRecord, vm: VmId): Domain[] => host.domains.filter(({ uuid }) => uuid === vm)

/** Its last report is of its present boot. */
const fresh = ({ bootId, reportBoot }: HostRecord): boolean => reportBoot === bootId

/** Whatever was certified: while it says so, or said so last and may still, nobody else is granted the VM. */
function present(host: HostRecord, vm: VmId, judge: Judge): 'runs' | 'has' | undefined {
  const seen = domainsOf(host, vm)
  if (seen.length === 0 || judge.vouched(host, vm)) return undefined
  if (host.connected) {
    if (seen.some(({ state }) => state === 'running')) return 'runs'
    return seen.every(held) ? undefined : 'has'
  }
  const may = seen.some(lives) && !judge.off(host) && judge.evidence.standing(vm, host.id) !== 'gave-up'
  return may ? 'runs' : undefined
}

/** It says that the VM died with it, and nothing certified says that another host has had it since. */
function lost(host: HostRecord, vm: VmId, { evidence, dropped }: Judge): boolean {
  // Whether it is there now or not: what it said last is said.
  const said = host.lost?.find(one => one.vm === vm)
  if (!said) return false
  const standing = evidence.standing(vm, host.id)
  if (standing === 'owner') return true
  // Of an earlier life: what it knows is older than what is certified.
  return standing === 'bare' && said.epoch >= (evidence.certified(vm)?.epoch ?? 0) && !dropped(host, vm)
}

/** Claims of a VM that count against each other, of hosts in the order of their names. */
export function claimsOf(vm: VmId, hosts: readonly HostRecord[], judge: Judge): Claim[] {
  return hosts.flatMap((host): Claim[] => {
    const what = present(host, vm, judge) ?? (lost(host, vm, judge) ? 'lost' : undefined)
    return what ? [{ host, what }] : []
  })
}

/** In words, for people. */
export function saying({ host, what }: Claim): string {
  if (what === 'lost')
    return host.connected
      ? `${host.id} says that it died there`
      : `${host.id}, now silent, said that it died there`
  if (what === 'has') return `${host.id} says that a copy of it is there, which does not run`
  return host.connected
    ? `${host.id} says that it runs there`
    : `${host.id} was last heard to run it, and does not answer`
}

/**
 * Why the VM must not be moved from where it is shown, in words: another host may run it, or is its owner by what is certified.
 * @param busy a move or boot of ours has it in hand, and knows its sides
 */
export function againstMove(
  vm: VmId,
  at: HostId,
  hosts: readonly HostRecord[],
  judge: Judge,
  busy: boolean,
): string[] {
  if (busy) return []
  // What a move has left behind is there for some seconds more.
  const others = claimsOf(vm, hosts, judge).filter(({ host, what }) => host.id !== at && what !== 'has')
  const certified = judge.evidence.certified(vm)
  const owner = hosts.find(host => host.id === certified?.owner)
  // Its owner is there and says nothing of it any more: somebody has brought it here by hand.
  const letGo =
    owner?.connected === true &&
    fresh(owner) &&
    domainsOf(owner, vm).length === 0 &&
    !others.some(one => one.host === owner)
  const foreign =
    certified && certified.owner !== at && !letGo && !others.some(({ host }) => host.id === certified.owner)
      ? [`${certified.owner} owns it by ${certified.by}, at epoch ${certified.epoch}`]
      : []
  const unheard = judge.evidence.standing(vm, at) === 'owner' ? undefined : judge.unheard?.(vm)
  return [...others.map(saying), ...foreign, ...(unheard === undefined ? [] : [unheard])]
}

/** Hosts that have something of the VM which a boot elsewhere would meet: what a move holds they yield, all else is somebody's. */
export function mayStillRun(
  vm: VmId,
  hosts: readonly HostRecord[],
  judge: Judge,
): { here: HostRecord[]; silent: HostRecord[] } {
  const seen = hosts.filter(host => domainsOf(host, vm).length > 0 && !judge.vouched(host, vm))
  return {
    here: seen.filter(host => host.connected && !domainsOf(host, vm).every(held)),
    silent: seen.filter(
      host => !host.connected && !judge.off(host) && judge.evidence.standing(vm, host.id) !== 'gave-up',
    ),
  }
}
