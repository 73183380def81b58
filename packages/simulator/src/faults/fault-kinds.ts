/** What can go wrong, each by a name that a person can read, and how it heals. */
import { HeliotropeError, HOUR, MINUTE, SECOND } from '@heliotrope/shared'
import type { HostId, Ms } from '@heliotrope/shared'
import { guestEvents } from './fault-world.js'
import type { GuestEvent } from './fault-world.js'
import type { FaultyFleet } from './faulty-fleet.js'
import { fates } from './wire.js'
import type { Fate } from './wire.js'

/** Killed where it stands; what must be there again comes back by itself, or after a while. */
export const kills = [
  'kill source-mover',
  'kill target-mover',
  'kill source-xl',
  'kill target-xl',
  'kill agent a',
  'kill agent b',
  'kill coordinator',
  'power a',
  'power b',
] as const
/** Both movers at once; the coordinator for longer than all deadlines. */
export const moreKills = [
  'kill movers',
  'coordinator away',
  'power a long',
  'power b long',
  'power both',
  'fence a',
  'fence b',
  'controller a',
  'controller b',
  'mute a',
  'mute b',
] as const
/** The storage does not answer the host for a while. */
export const storageFaults = ['storage a', 'storage b'] as const
/** Of the hostile host, where there is one: it sends what it can of the moves that are open. */
export const hostileFaults = ['forge'] as const
/** Of hosts that can stand by. */
export const standbyFaults = ['standby a', 'standby b'] as const
/** `cut`: black-holed for a while. `drop`: the connections end. */
export const linkFaults = ['cut ab', 'cut ac', 'cut bc', 'drop ab', 'drop ac', 'drop bc'] as const
export const messageFates = fates
/** Of the journal that writes the record at hand. */
export const recordFaults = ['EIO', 'ENOSPC'] as const
export const clockFaults = [
  'jump a +1h',
  'jump a -1h',
  'jump b +1h',
  'jump b -1h',
  'jump c +1h',
  'jump c -1h',
] as const
export const guestFaults = guestEvents.map(event => `guest ${event}` as const)
/** Given to every xl of the run, so only at its start. */
export const xlFaults = [
  'xl guestDeaf',
  'xl suspendsLate',
  'xl renameFails',
  'xl saveFails',
  'xl unpauseFails',
] as const

const CUT_MS: Ms = 75 * SECOND
const POWER_MS: Ms = 40 * SECOND
const LONG_MS: Ms = 6 * MINUTE
const FENCE_MS: Ms = 60 * SECOND
/** The guest follows the request to suspend so long after xl has given up. */
const LATE_MS: Ms = 2 * SECOND
const FULL_MS: Ms = 90 * SECOND

/** @returns false if there is nothing to which it could happen @throws bad-input for a fault that nobody knows */
export function applyFault(fleet: FaultyFleet, what: string, point: string): boolean {
  const [verb, who = '', how = ''] = what.split(' ')
  switch (verb) {
    case 'kill':
      return kill(fleet, who, how as HostId)
    case 'coordinator':
      return fleet.killCoordinator(8 * MINUTE)
    case 'power':
      return power(fleet, who, how === 'long' ? LONG_MS : POWER_MS)
    case 'fence':
      return fence(fleet, who as HostId)
    case 'controller':
    case 'mute':
      return controller(fleet, who as HostId, verb === 'mute')
    case 'cut':
    case 'drop':
      return link(fleet, verb, who)
    case 'standby':
      return fleet.standBy(who as HostId)
    case 'forge':
      return fleet.forge()
    case 'EIO':
      return journal(fleet, point, 'EIO', true)
    case 'ENOSPC':
      return journal(fleet, point, 'ENOSPC', false)
    case 'unsynced':
      return journal(fleet, point, 'lose-sync', true)
    case 'torn':
      return torn(fleet, point)
    case 'storage':
      return storage(fleet, who as HostId)
    case 'forget':
      return forget(fleet, who as HostId)
    case 'jump':
      return jump(fleet, who, how === '+1h' ? HOUR : -HOUR)
    case 'guest':
      return guest(fleet, who as GuestEvent)
    case 'xl':
      fleet.xlFaults =
        who === 'suspendsLate'
          ? { ...fleet.xlFaults, guestDeaf: true, suspendsLateMs: LATE_MS }
          : { ...fleet.xlFaults, [who]: true }
      return true
    case 'stale':
      fleet.fate = 'stale'
      return true
    default:
      if (!fates.includes(verb as Fate)) throw new HeliotropeError('bad-input', `no fault is named ${what}`)
      fleet.fate = verb as Fate
      return true
  }
}

function kill(fleet: FaultyFleet, who: string, host: HostId): boolean {
  const everywhere = (act: (node: ReturnType<FaultyFleet['host']>) => boolean): boolean =>
    [...fleet.hosts.values()].map(act).some(Boolean)
  switch (who) {
    case 'coordinator':
      return fleet.killCoordinator(5 * SECOND)
    case 'agent':
      return fleet.host(host).killAgent()
    case 'movers':
      return everywhere(node => [node.killMover('source'), node.killMover('target')].some(Boolean))
    case 'source-mover':
      return everywhere(node => node.killMover('source'))
    case 'target-mover':
      return everywhere(node => node.killMover('target'))
    case 'source-xl':
      return everywhere(node => node.killXl('source'))
    case 'target-xl':
      return everywhere(node => node.killXl('target'))
    default:
      throw new HeliotropeError('bad-input', `no process is named ${who}`)
  }
}

function power(fleet: FaultyFleet, who: string, forMs: Ms): boolean {
  const nodes = [...fleet.hosts.values()].filter(node => who === 'both' || node.id === who)
  return nodes
    .map(node => {
      if (!node.powerOff()) return false
      fleet.heal(forMs, () => {
        fleet.tell(`${node.id} has power again`)
        node.powerOn()
      })
      return true
    })
    .some(Boolean)
}

/** Power goes for long; somebody states that it has, and has the VM started on the other host. */
function fence(fleet: FaultyFleet, who: HostId): boolean {
  if (!power(fleet, who, LONG_MS)) return false
  fenceLater(fleet, who, 'operator')
  return true
}

/** A host is cut off from the coordinator; somebody has its controller take its power away. `mute`: that does not answer. */
function controller(fleet: FaultyFleet, who: HostId, mute: boolean): boolean {
  link(fleet, 'cut', `${who}c`)
  if (mute) {
    fleet.mute.add(who)
    fleet.heal(LONG_MS, () => fleet.mute.delete(who))
  }
  fenceLater(fleet, who, 'power-off')
  return true
}

function fenceLater(fleet: FaultyFleet, who: HostId, how: 'operator' | 'power-off'): void {
  const other = [...fleet.hosts.keys()].find(id => id !== who) as HostId
  const attempt = async (): Promise<void> => {
    const { coordinator } = fleet.coordinator
    if (!coordinator || (how === 'operator' && fleet.host(who).host.power === 'on')) return
    fleet.tell(`somebody fences ${who}`)
    await coordinator.console.fence({ host: who, how, reason: 'its plug is in my hand', by: 'fault run' })
    const off = fleet.world.copies(fleet.vm).length === 0 && fleet.world.guestDid?.event === 'poweroff'
    await coordinator.console['vms.boot']({ vm: fleet.vm, host: other, by: 'fault run' })
    fleet.watch.startedByOrder ||= off
  }
  // It may be refused: the VM runs, or the other host is not there.
  fleet.heal(
    FENCE_MS,
    () => void attempt().catch((error: unknown) => fleet.tell(`refused: ${String(error)}`)),
  )
}

/** `ab`: between the hosts; `ac`, `bc`: between a host and the coordinator. */
function link(fleet: FaultyFleet, verb: 'cut' | 'drop', ends: string): boolean {
  const [one, other] = [...ends] as [HostId, HostId | 'c']
  const wire = other === 'c' ? fleet.uplinks.get(one) : undefined
  if (verb === 'drop') {
    if (wire) wire.drop()
    else fleet.peers.drop()
    return true
  }
  if (wire) wire.cut()
  else fleet.network.cut(one, other as HostId, true)
  fleet.heal(CUT_MS, () => {
    fleet.tell(`the line ${ends} is up again`)
    if (wire) wire.heal()
    else fleet.network.cut(one, other as HostId, false)
  })
  return true
}

function storage(fleet: FaultyFleet, who: HostId): boolean {
  const { cutOff } = fleet.world.disks
  if (cutOff.has(who)) return false
  cutOff.add(who)
  fleet.heal(CUT_MS, () => {
    fleet.tell(`the storage answers ${who} again`)
    cutOff.delete(who)
  })
  return true
}

/** `a`, `b` or `c`, from the name of the process whose record it is. */
const journalAt = (point: string): string =>
  point.startsWith('coordinator') ? 'c' : (/@(\w+)/.exec(point)?.[1] ?? 'c')

function journal(
  fleet: FaultyFleet,
  point: string,
  fault: 'EIO' | 'ENOSPC' | 'lose-sync',
  once: boolean,
): boolean {
  const who = journalAt(point)
  fleet.journalFaults.set(who, { fault, once })
  if (!once)
    fleet.heal(FULL_MS, () => {
      fleet.tell(`there is room on the disk of ${who} again`)
      fleet.journalFaults.delete(who)
    })
  return true
}

/** Power goes while the record is being written, and the journal cannot be read until somebody has seen to it. */
function torn(fleet: FaultyFleet, point: string): boolean {
  const node = fleet.hosts.get(journalAt(point) as HostId)
  if (!node || !power(fleet, node.id, POWER_MS)) return false
  node.journal.unreadable = true
  fleet.heal(LONG_MS, () => {
    fleet.tell(`the journal of ${node.id} has been seen to`)
    node.journal.unreadable = false
  })
  return true
}

/** Power goes, and with it the disk that holds the journal. */
function forget(fleet: FaultyFleet, who: HostId): boolean {
  if (!power(fleet, who, POWER_MS)) return false
  fleet.host(who).journal.lose()
  return true
}

function jump(fleet: FaultyFleet, who: string, by: Ms): boolean {
  const node = who === 'c' ? fleet.coordinator : fleet.host(who as HostId)
  node.wallOffset += by
  // Somebody sets it right again: an hour off for good, and no command would be taken any more.
  fleet.heal(5 * MINUTE, () => {
    fleet.tell(`the clock of ${who} is right again`)
    node.wallOffset -= by
  })
  return true
}

/** Nobody suspends by hand in the middle of a move, or just after one was given up: nobody could tell it from xl's own. */
function guest(fleet: FaultyFleet, event: GuestEvent): boolean {
  const at = fleet.world.running(fleet.vm)
  if (!at) return false
  if (event === 'foreign-suspend' && fleet.mayBeOurs(at.host.spec.id)) return false
  return fleet.world.guest(event, fleet.vm)
}
