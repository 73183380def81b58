/** What the planner is told besides the snapshot, and what it answers. Plain values: a plan can be stored and replayed. */
import type { Fraction, HostId, MiB, Mode, Ms, SiteId, VmId, W, Wh } from '@heliotrope/shared'
import type { BytesPerSecond } from '@heliotrope/shared'

/** The operator's rules for all decisions. Hard constraints are not here: no policy can switch them off. */
export interface Policy {
  /** A move must bring at least this much more green power into use, its own cost taken off. */
  marginW: W
  /** How long the headroom of now is taken to last: what a move gains in Wh is its gain times this. */
  horizonMs: Ms
  /** A VM that moved is left alone for so long. */
  cooldownMs: Ms
  /** A VM whose move failed is left alone for so long, or for the cooldown if that is longer. */
  retryAfterFailureMs: Ms
  /** After any move ended no new one is planned for so long: the meters must show its effect first. */
  settleMs: Ms
  maxConcurrentMoves: number
  maxMovesPerHour: number
  /** Moves that ended in the last hour, where the caller knows; otherwise counted from the VMs' `lastMovedAt`. */
  movesInLastHour?: number
  /** A host whose last report is older takes no part. */
  reportMaxAgeMs: Ms
  /** Memory that stays free on every target, beyond what the VM and its page tables need. */
  reserveMiB: MiB
  /** What a transfer carries, and the watts it costs on both hosts together while it lasts. */
  transferBps: BytesPerSecond
  transferW: W
}

/** Why a candidate was not chosen. A closed set: programs branch on the code, people read the text. */
export type ReasonCode =
  | 'not-running'
  | 'busy'
  | 'pinned'
  | 'cannot-move-live'
  | 'config-unknown'
  | 'host-unknown'
  | 'host-offline'
  | 'report-stale'
  | 'site-mode'
  | 'green-unknown'
  | 'cooldown'
  | 'settling'
  | 'budget-concurrent'
  | 'budget-hour'
  | 'no-need'
  | 'no-headroom'
  | 'same-host'
  | 'target-memory'
  | 'hypervisor-ability'
  | 'target-unfit'
  | 'storage-unreachable'
  | 'bridge-missing'
  | 'gain-below-margin'
  | 'carbon-not-lower'

export interface Reason {
  code: ReasonCode
  /** For people, with the numbers. */
  text: string
}

/** Gain and cost of one move, over the policy's horizon. */
export interface Effect {
  /** More green power in use, fleet-wide. */
  gainW: W
  gainedWh: Wh
  spentWh: Wh
  /** Less grid power times its intensity. */
  gainedGCO2eq: number
  spentGCO2eq: number
  /** Estimated from memory size and transfer rate. */
  durationMs: Ms
  /** 0..1; how far the numbers behind it are measured. */
  confidence: Fraction
}

export interface PlannedMove extends Effect {
  vm: VmId
  name: string
  from: HostId
  to: HostId
  fromSite: SiteId
  toSite: SiteId
  /** Why, in words for people, with the numbers. */
  reason: string
  /** `auto` only if both sites are: then it may start without being accepted. */
  mode: Exclude<Mode, 'observe'>
}

/** A candidate that was not chosen: the VM with its best target, as far as there was one. */
export interface Refusal {
  vm: VmId
  name: string
  from: HostId
  fromSite: SiteId
  to?: HostId
  toSite?: SiteId
  reason: Reason
  /** What it would have brought, if that could be computed. */
  gainW?: W
}

/** One site as the planner saw it. */
export interface SiteView {
  id: SiteId
  /** Undefined: no meter that can be trusted; the site takes no part. */
  greenW?: W
  /** With the moves in flight counted at their ends, before this plan's own. */
  loadW: W
  /** `greenW - loadW`; negative is a deficit. */
  headroomW?: W
}

export type Verdict =
  | 'MOVES'
  /** Something would be worth moving, but each candidate was refused. */
  | 'ALL_REFUSED'
  | 'NO_ACTION_NEEDED'

export interface Plan {
  at: Ms
  verdict: Verdict
  /** In the order in which they should start. */
  moves: PlannedMove[]
  /** At most one for each VM. */
  refusals: Refusal[]
  sites: SiteView[]
  /** What was decided by: with the snapshot it gives this plan again. */
  policy: Policy
}

/** A hard constraint that a plan breaks. */
export interface Problem {
  vm: VmId
  to: HostId
  reason: Reason
}
