/** What the console shows: plain values, the same for the command line, programs and the web page. */
import type {
  Alarm,
  HostId,
  HostPowerState,
  MoveId,
  MoveProgress,
  Ms,
  ReasonStep,
  SiteState,
  VmState,
  W,
} from '@heliotrope/shared'
import type { Plan } from '@heliotrope/planner'
import type { DoneBody, MovePhase, MoveState } from '../saga/records.js'
import type { AlarmEntry } from '../store/alarms.js'

export interface StatusView {
  at: Ms
  paused: boolean
  sites: number
  hosts: number
  connected: number
  /** Hosts on standby, on their way there, or being woken. */
  asleep: HostId[]
  drained: HostId[]
  vms: number
  greenW: W
  loadW: W
  moves: MoveView[]
  alarms: AlarmEntry[]
  plan: { id: number; verdict: Plan['verdict']; moves: number; wakes: number; standbys: number }
}

export interface SiteView extends SiteState {
  /** Green power not yet used; undefined without a trusted meter. */
  headroomW?: W
  hosts: HostId[]
  vms: number
}

export interface HostView {
  id: HostId
  site: string
  connected: boolean
  lastReportAt: Ms
  xenVersion: string
  cpus: number
  totalMemoryMiB: number
  freeMemoryMiB: number
  powerW?: W
  vms: number
  findings: number
  alarms: Pick<Alarm, 'key' | 'text' | 'remedy'>[]
  power: HostPowerState
  /** When that state was ordered, by whom and why. */
  powerSince?: Ms
  powerReason?: string
  /** Why it may not stand by now. */
  awakeBecause?: string
  drained?: { by: string; why: string; at: Ms }
}

export interface VmView extends Omit<VmState, 'config'> {
  vcpus?: number
  type?: string
}

export interface MoveView {
  move: MoveId
  vm: string
  name: string
  from: HostId
  to: HostId
  phase: MovePhase
  requestedAt: Ms
  /** Why, in one line for people. */
  reason: string
  /** The same step by step: who, why, when. */
  reasons: ReasonStep[]
  progress: MoveProgress[]
  stuck?: { text: string; remedy: string }
  done?: DoneBody
  doneAt?: Ms
}

export interface PlanView extends Plan {
  id: number
}

/** @param progress what the agents report of moves now */
export function moveView(state: MoveState, progress: readonly MoveProgress[]): MoveView {
  const { move, phase, requestedAt, requested, stuck, done, since } = state
  const { vm, name, from, to, reason } = requested
  return {
    move,
    vm,
    name,
    from,
    to,
    phase,
    requestedAt,
    reason: reason.map(step => step.why).join('; '),
    reasons: reason,
    progress: done ? [] : progress.filter(entry => entry.move === move),
    ...(stuck && !done ? { stuck } : {}),
    ...(done ? { done, doneAt: since } : {}),
  }
}
