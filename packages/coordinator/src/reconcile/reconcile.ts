/**
 * The loop without input: takes a fresh snapshot, asks the planner, keeps the plan, and starts what may start by itself.
 * Woken by a timer and by change; it never retries, the next round sees what is left to do.
 */
import { errorChain, HeliotropeError, HOUR, SECOND } from '@heliotrope/shared'
import type { Cancel, Clock, HostId, Log, MoveId, Ms, ReasonStep, Snapshot } from '@heliotrope/shared'
import type { Plan, PlannedMove, Policy, SiteForecast, Solver } from '@heliotrope/planner'
import type { MoveRequest } from '../saga/sagas.js'
import type { Decision, Plans } from '../store/plans.js'
import type { Planner } from './planner.js'
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
  forecasts: (at: Ms) => readonly SiteForecast[]
  plans: Plans
  paused: () => boolean
  /** Wall times at which moves ended. */
  movesEnded: () => readonly Ms[]
  /** @throws refused and the like */
  request: (request: MoveRequest) => MoveId
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

export class Reconciler {
  readonly #ports: ReconcilePorts
  #current: Decided | undefined
  #deciding: Promise<Decided> | undefined
  #cancelTimer: Cancel = () => {}
  #soon: Cancel | undefined
  #stopped = true

  constructor(ports: ReconcilePorts) {
    this.#ports = ports
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
    this.#soon = this.#ports.clock.after(SETTLE_MS, () => {
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
    const forecasts = ask(snapshot.at)
    const since = clock.wall() - HOUR
    const movesInLastHour = movesEnded().filter(at => at >= since).length
    const { solver, answers } = recording(this.#ports.solver)
    const plan = await planner.plan(snapshot, forecasts, { ...policy, movesInLastHour }, solver)
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
      const automatic = plan.moves.filter(move => move.mode === 'auto')
      return this.#begin(id, plan, automatic, { by: 'planner', at: plan.at })
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
      const [problem] = planner.lint({ ...plan, moves: [planned] }, snapshot())
      try {
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

  #arm(): void {
    if (this.#stopped) return
    this.#cancelTimer = this.#ports.clock.after(this.#ports.everyMs, () => {
      void this.round().finally(() => this.#arm())
    })
  }
}
