/** What the planner is told besides snapshot and forecasts, and what it answers. Plain values: a plan can be stored and replayed. */
import type {
  BytesPerSecond,
  Fraction,
  HostId,
  HostPowerModel,
  MiB,
  Mode,
  Ms,
  SiteId,
  VmId,
  W,
  Wh,
} from '@heliotrope/shared'

/** The operator's rules for all decisions. Hard constraints are not here: no policy can switch them off. */
export interface Policy {
  /** A plan must save at least so much over the horizon, all its moves charged. */
  marginGCO2eq: number
  /** Moves are charged at their cost and this share of it on top: forecasts err, and a move back costs the same again. */
  marginShare: Fraction
  /**
   * Which quantile of green power gains are reckoned with, at places where a VM is not yet: 0.5 takes the expected
   * value, 0.1 counts only on what comes in nine of ten cases, between them is a mix.
   */
  quantile: Fraction
  /** How far ahead is looked, as far as the forecasts reach. */
  horizonMs: Ms
  /** A VM that moved is left alone for so long. */
  cooldownMs: Ms
  /** A VM whose move failed is left alone for so long, or for the cooldown if that is longer. */
  retryAfterFailureMs: Ms
  /** After any move ended no new one is planned for so long: the meters must show its effect first. */
  settleMs: Ms
  /** No move is planned or begun in which the VM is expected to stand still for longer. */
  maxStillMs: Ms
  maxConcurrentMoves: number
  maxMovesPerHour: number
  /** Moves that ended in the last hour, where the caller knows; otherwise counted from the VMs' `lastMovedAt`. */
  movesInLastHour?: number
  /** A host whose last report is older takes no part. */
  reportMaxAgeMs: Ms
  /** A site whose forecast was issued longer ago takes no part. */
  forecastMaxAgeMs: Ms
  /** Memory that stays free on every target, beyond what the VM and its page tables need. */
  reserveMiB: MiB
  /** Virtual CPUs that a host takes for each of its own. */
  vcpusPerCpu: number
  /** Where a VM's moves were not measured: what a transfer carries, and what it costs on each of the two hosts. */
  transferBps: BytesPerSecond
  moveJoulesFixed: number
  moveJoulesPerMiB: number
  /** Energy of the network between sites. */
  wanWhPerGiB: Wh
  /** Of hosts that do not say theirs. */
  hostPower: HostPowerModel
  /** The solver's deadline. */
  solverMs: Ms
}

/** Why a candidate was not chosen. A closed set: programs branch on the code, people read the text. */
export type ReasonCode =
  | 'not-running'
  | 'busy'
  | 'pinned'
  | 'foreign-move'
  | 'cannot-move-live'
  | 'still-too-long'
  | 'config-unknown'
  | 'host-unknown'
  | 'host-offline'
  | 'report-stale'
  | 'host-power-unknown'
  | 'host-asleep'
  | 'host-draining'
  | 'site-mode'
  | 'green-unknown'
  | 'no-forecast'
  | 'cooldown'
  | 'settling'
  | 'budget-concurrent'
  | 'budget-hour'
  | 'same-host'
  | 'residency'
  | 'affinity'
  | 'anti-affinity'
  | 'target-memory'
  | 'target-vcpus'
  | 'cpu-features'
  | 'hypervisor-ability'
  | 'target-unfit'
  | 'storage-unreachable'
  | 'bridge-missing'
  | 'no-target'
  | 'host-not-emptied'
  | 'gain-below-margin'
  | 'no-solution'

export interface Reason {
  code: ReasonCode
  /** For people, with the numbers. */
  text: string
}

/** Gain and cost of one move over the horizon; of moves that empty a host together, its share of theirs. */
export interface Effect {
  /** Less grid power now. */
  gainW: W
  /** Less energy from the grid. */
  gainedWh: Wh
  spentWh: Wh
  gainedGCO2eq: number
  spentGCO2eq: number
  /** Measured on earlier moves of this VM, else from memory size and transfer rate. */
  durationMs: Ms
  /** 0..1: the weight of those courses of the weather in which the plan saves carbon. */
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
  /** `auto` only if both sites are, and what sleeps for it may: then it may start without being accepted. */
  mode: Exclude<Mode, 'observe'>
  /** Wh and gCO2eq come from moves of this VM that were measured. */
  measured: boolean
  /** The target sleeps: it must be woken first. */
  wakes: boolean
  /** When it is expected to move on, if within the horizon; known of VMs that pay their move alone. */
  until?: Ms
  /** VMs that belong together with it and go to the same site. */
  with?: VmId[]
  /** Of a regular move: how long the VM is expected to stand still. Absent: it moves live. */
  stillMs?: Ms
}

/** A host to be woken, or an empty one to be put to standby. */
export interface PowerChange {
  host: HostId
  site: SiteId
  reason: string
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
}

/** One site as the planner saw it. */
export interface SiteView {
  id: SiteId
  /** Undefined: no meter that can be trusted. */
  greenW?: W
  /** With the moves in flight counted at their ends, before this plan's own. */
  loadW: W
  /** `greenW - loadW`; negative is a deficit. */
  headroomW?: W
  /** Why it takes no part. */
  out?: Reason
  /** Expected over the horizon: carbon of one watt more there, gCO2eq/kWh; the lower the more it attracts. */
  priceGPerKWh?: number
  /** Hosts with VMs now, and as the plan would have them from now on. */
  hostsNow: number
  hostsPlanned: number
}

/** Hosts' worth of VMs that are expected to come to a site (or leave it) later; not acted upon. */
export interface LaterMove {
  at: Ms
  site: SiteId
  hosts: number
}

export type Verdict =
  | 'MOVES'
  /** Nothing moves; hosts are to sleep or to wake. */
  | 'POWER'
  /** Something would be worth moving, but each candidate was refused. */
  | 'ALL_REFUSED'
  | 'NO_ACTION_NEEDED'
  /** The solver gave no answer: everything stays, except what must leave a host that is drained. */
  | 'NO_SOLUTION'

/** Expected over the horizon, all sites that take part together. */
export interface Expectation {
  stayGCO2eq: number
  /** With all moves of the plan charged, those that are to come later included. */
  planGCO2eq: number
  stayGridWh: Wh
  planGridWh: Wh
  untilMs: Ms
}

export interface Plan {
  at: Ms
  verdict: Verdict
  /** In the order in which they should start. */
  moves: PlannedMove[]
  wakes: PowerChange[]
  standbys: PowerChange[]
  /** At most one for each VM. */
  refusals: Refusal[]
  sites: SiteView[]
  later: LaterMove[]
  expected: Expectation
  /** How the solver ended: `optimal`, or why there is no answer. */
  solver: {
    status: 'optimal' | 'not-needed' | 'out-of-time' | 'infeasible' | 'unbounded' | 'crashed'
    text: string
  }
  /** What was decided by: with snapshot and forecasts it gives this plan again. */
  policy: Policy
}

/** A hard constraint that a plan breaks. */
export interface Problem {
  vm: VmId
  to: HostId
  reason: Reason
}
