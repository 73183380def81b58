/** Whether a host may be sent to standby now. Pure, and of its own mind: whatever a plan says, doubt keeps a host awake. */
import type { HostId, Ms } from '@heliotrope/shared'

/** What is known of one host for this decision. */
export interface StandbyCandidate {
  id: HostId
  connected: boolean
  lastReportAt: Ms
  /** Names of all domains seen there but dom0, whatever their state; undefined before a full report of this boot. */
  domains: readonly string[] | undefined
  /** Moves that its agent still works at. */
  moves: number
  power: 'awake' | 'going' | 'standby' | 'waking'
  /** Moves of the coordinator that are open from or to it. */
  openMoves: number
  /** The present plan brings a VM here. */
  planned: boolean
  /** The operator's word: config or drain. */
  keepAwake?: string
  /** Connected hosts that have the means to wake it again. */
  wakers: number
  /** Sleeping hosts that only it can wake. */
  soleWakerOf: readonly HostId[]
  /** Meters of its site that only it reads. */
  soleReaderOf: readonly string[]
}

export interface StandbySite {
  /** Hosts of the site that are connected and not on their way to standby, this one included. */
  awake: number
  /** So many must stay awake. */
  floor: number
}

/** Why it must stay awake; undefined if it may go. */
export function standbyReason(
  host: StandbyCandidate,
  site: StandbySite,
  now: Ms,
  reportMaxAgeMs: Ms,
): string | undefined {
  const age = now - host.lastReportAt
  if (host.power !== 'awake') return `it is ${words[host.power]}`
  if (!host.connected) return 'it is not connected: nobody knows what runs there'
  if (host.domains === undefined) return 'it has not said what runs there since it booted'
  if (age > reportMaxAgeMs || age < -reportMaxAgeMs)
    return `its last report is ${Math.round(age / 1000)} s old: nobody knows what runs there now`
  if (host.domains.length > 0)
    return `${host.domains.slice(0, 5).join(', ')} ${host.domains.length > 1 ? 'are' : 'is'} there`
  if (host.moves > 0) return `its agent works at ${host.moves} move(s)`
  if (host.openMoves > 0) return `${host.openMoves} open move(s) need it`
  if (host.planned) return 'the plan brings a VM here'
  if (host.keepAwake !== undefined) return host.keepAwake
  if (host.wakers === 0) return 'no host that is connected could wake it again'
  if (host.soleWakerOf.length > 0) return `it alone can wake ${host.soleWakerOf.join(', ')}`
  if (host.soleReaderOf.length > 0)
    return `it alone reads the meter ${host.soleReaderOf.join(', ')} of its site`
  if (site.awake <= site.floor) return `${site.floor} host(s) of its site must stay awake`
  return undefined
}

const words = { going: 'on its way to standby', standby: 'on standby', waking: 'being woken' } as const
