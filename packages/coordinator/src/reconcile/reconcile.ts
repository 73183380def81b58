/**
 * The loop without input: takes a fresh snapshot, asks the planner, keeps the plan, and starts what may start by itself.
 * Woken by a timer and by change; it never retries, the next round sees what is left to do.
 */
import { errorChain, HeliotropeError, HOUR, SECOND } from '@heliotrope/shared'
import type {
  Cancel,
  Clock,
  HostId,
  Log,
  MoveId,
  Ms,
  ReasonStep,
  SiteState,
  Snapshot,
} from '@heliotrope/shared'
import type { Plan, PlannedMove, Policy, SiteForecast, Solver } from '@heliotrope/planner'
import type { MoveRequest } from '../saga/sagas.js'
import type { Decision, Plans } from '../store/plans.js'
import type { Planner } from './planner.js'
import { PowerChanges } from './power-changes.js'
import type { HostPowerPort } from './power-changes.js'
import { recording } from './recorded-solver.js'

export interface ReconcilePorts {
  clock: Clock
  log: Log
  planner: Pick<Planner, 'plan' | 'lint'>
  policy: Policy
  solver: Solver
  everyMs: Ms
  snapshot: () => Snapshot
  /** What is expected of each site now; may lack sites of which nothing is known. */
  forecasts: (at: Ms, sites: readonly SiteState[]) => readonly SiteForecast[]
  plans: Plans
  paused: () => boolean
  /** Wall times at which moves ended. */
  movesEnded: () => readonly Ms[]
  /** @throws refused and the like */
  request: (request: MoveRequest) => MoveId
  power: HostPowerPort
}

export interface Started {
  move: MoveId
  planned: PlannedMove
}

export interface Decided extends Decision {
  id: number
}

/** Reports come one by one; a plan for each of a burst would be waste. */
const SETTLE_MS: Ms = SECOND
/** Plans that changes ask for leave at least so many times their own duration free. */
const PAUSE_FACTOR = 4

export class Reconciler {
  readonly #ports: ReconcilePorts
  readonly #power: PowerChanges
  /** How long the last plan took to make. */
  #tookMs: Ms = 0
  #current: Decided | undefined
  #deciding: Promise<Decided> | undefined
  #cancelTimer: Cancel = () => {}
  #soon: Cancel | undefined
  #stopped = true

  constructor(ports: ReconcilePorts) {
    this.#ports = ports
    this.#power = new PowerChanges(ports.power, ports.log, () => ports.clock.wall())
  }

  start(): void {
    this.#stopped = false
    this.#arm()
  }

  /** A plan that is being made is made to its end, and nobody acts on it. */
  stop(): void {
    this.#stopped = true
    this.#cancelTimer()
    this.#soon?.()
  }

  /** Something important changed. */
  wake(): void {
    if (this.#stopped || this.#soon) return
    // A machine that plans for a second at each change would do nothing else.
    const settleMs = Math.max(SETTLE_MS, PAUSE_FACTOR * this.#tookMs)
    this.#soon = this.#ports.clock.after(settleMs, () => {
      this.#soon = undefined
      void this.round()
    })
  }

  /** The plan of the last round; undefined before the first. */
  current(): Decided | undefined {
    return this.#current
  }

  /** Hosts to which the plan of the last round brings a VM. */
  plannedTargets(): ReadonlySet<HostId> {
    return new Set(this.#current?.plan.moves.map(move => move.to))
  }

  /** Plans from a fresh snapshot and acts on nothing. While a plan is being made, everybody gets that one. */
  decide(): Promise<Decided> {
    this.#deciding ??= this.#decide().finally(() => {
      this.#deciding = undefined
    })
    return this.#deciding
  }

  async #decide(): Promise<Decided> {
    const { planner, policy, clock, plans, snapshot: take, forecasts: ask, movesEnded } = this.#ports
    const snapshot = take()
    const forecasts = ask(snapshot.at, snapshot.sites)
    const since = clock.wall() - HOUR
    const movesInLastHour = movesEnded().filter(at => at >= since).length
    const { solver, answers } = recording(this.#ports.solver)
    const began = clock.mono()
    const plan = await planner.plan(snapshot, forecasts, { ...policy, movesInLastHour }, solver)
    this.#tookMs = clock.mono() - began
    const decision: Decision = { plan, snapshot, forecasts, answers }
    this.#current = { id: plans.keep(decision), ...decision }
    return this.#current
  }

  /** One round: decide, and in mode `auto` act. Never rejects. */
  async round(): Promise<Started[]> {
    const { log, paused } = this.#ports
    try {
      const { id, plan } = await this.decide()
      if (paused() || this.#stopped) return []
      this.#power.wake(id, plan)
      // One whose target still sleeps comes again in the plan that finds it awake.
      const automatic = plan.moves.filter(move => move.mode === 'auto' && !move.wakes)
      const started = this.#begin(id, plan, automatic, { by: 'planner', at: plan.at })
      this.#power.standBy(id, plan)
      return started
    } catch (error) {
      log.error('planning failed', { error: errorChain(error) })
      return []
    }
  }

  /**
   * Starts moves of the present plan because somebody accepted them.
   * @param planId which plan was meant; another than the present one is refused
   * @param index of one move, from 1; all if undefined
   * @throws refused, with why nothing was started
   */
  accept(by: string, planId?: number, index?: number): Started[] {
    if (this.#ports.paused())
      throw new HeliotropeError('refused', 'acting is paused', { remedy: 'run: heliotrope resume' })
    if (!this.#current)
      throw new HeliotropeError('unavailable', 'no plan has been made yet', {
        remedy: 'look at one with: heliotrope plan',
      })
    const { id, plan } = this.#current
    if (planId !== undefined && planId !== id)
      throw new HeliotropeError('refused', `plan ${planId} is not the present one; that is plan ${id}`, {
        remedy: 'look at it with: heliotrope plan',
      })
    if (plan.moves.length === 0)
      throw new HeliotropeError('refused', `plan ${id} has no moves: ${plan.verdict}`)
    const chosen = index === undefined ? plan.moves : plan.moves.slice(index - 1, index)
    if (chosen.length === 0)
      throw new HeliotropeError(
        'unknown',
        `plan ${id} has ${plan.moves.length} move(s), there is no number ${index}`,
      )
    const problems: string[] = []
    const started = this.#begin(id, plan, chosen, { by, at: Math.round(this.#ports.clock.wall()) }, problems)
    if (started.length === 0)
      throw new HeliotropeError('refused', problems.join('; ') || 'nothing could be started')
    return started
  }

  /** Verifies each move against the fleet as it is now, then requests it. A refusal is a normal outcome. */
  #begin(
    id: number,
    plan: Plan,
    moves: readonly PlannedMove[],
    origin: { by: string; at: Ms },
    problems: string[] = [],
  ): Started[] {
    const { planner, log, request, snapshot } = this.#ports
    const started: Started[] = []
    for (const planned of moves) {
      try {
        if (planned.wakes) this.#wakeFor(planned, origin.by)
        const [problem] = planner.lint({ ...plan, moves: [planned] }, snapshot())
        if (problem)
          throw new HeliotropeError('refused', `${planned.name} to ${planned.to}: ${problem.reason.text}`)
        const reason: ReasonStep[] = [
          { by: `plan ${id}`, why: planned.reason.slice(0, 500), at: plan.at },
          { by: origin.by, why: origin.by === 'planner' ? 'mode auto' : 'accepted', at: origin.at },
        ]
        started.push({ move: request({ vm: planned.vm, to: planned.to, reason, plan: id }), planned })
      } catch (error) {
        problems.push(HeliotropeError.from(error).message)
        log.info('planned move not started', { vm: planned.name, to: planned.to, error: errorChain(error) })
      }
    }
    return started
  }

  /** @throws refused: the move can be accepted when its target is awake; unavailable if it cannot be called */
  #wakeFor({ name, to }: PlannedMove, by: string): never {
    const { power } = this.#ports
    if (power.record(to).state !== 'waking') power.wake(to, { by, why: `${name} is to move there` })
    throw new HeliotropeError(
      'refused',
      `${name} to ${to}: ${to} is being woken; accept the move when it is awake`,
    )
  }

  #arm(): void {
    if (this.#stopped) return
    this.#cancelTimer = this.#ports.clock.after(this.#ports.everyMs, () => {
      void this.round().finally(() => this.#arm())
    })
  }
}
