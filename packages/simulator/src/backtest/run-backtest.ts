/** Runs policies on a scenario, each in a world of its own, and compares them. */
import type { Solver } from '@heliotrope/planner'
import { DAY, HeliotropeError } from '@heliotrope/shared'
import type { Fraction, Ms } from '@heliotrope/shared'
import { bound, FLUID, WHOLE } from './oracle/bound.js'
import type { Bound } from './oracle/bound.js'
import { once } from './policies/once.js'
import { heliotrope } from './policies/heliotrope.js'
import { POLICY_NAMES } from './policies/policy.js'
import type { Policy, PolicyName } from './policies/policy.js'
import { stay } from './policies/stay.js'
import { swt } from './policies/swt.js'
import { threshold } from './policies/threshold.js'
import { boundResult, capturedShare, policyResult } from './report/result.js'
import type { BacktestResult } from './report/result.js'
import type { Scenario } from './scenario/scenario.js'
import { teller } from './world/known.js'
import type { Order } from './world/schedule.js'
import { World } from './world/world.js'
import type { SiteHour } from './world/world.js'

export interface BacktestOptions {
  /** Default: all. `stay` and `oracle` are always run: the others are measured against them. */
  policies?: readonly PolicyName[]
  /** Default: true. */
  standby?: boolean
  /** What whole hosts capture. Default: the scenario's figure, if it states one, else none. */
  attainable?: Fraction | Computing
  solver: Solver
  progress?: (what: string, share: Fraction) => void
}

/** Computes it as the format says, unless that would take too long. */
export interface Computing {
  /** For it to be done with; absent: however long it takes. */
  timeLeft?: () => Ms
}

export interface BacktestRun {
  result: BacktestResult
  /** Hour by hour, for pictures; the oracle has none. */
  traces: Map<PolicyName, SiteHour[][]>
}

export type RunnablePolicy = Exclude<PolicyName, 'oracle'>

/** A fresh policy, that remembers nothing. */
export function createPolicy(name: RunnablePolicy, solver: Solver): Policy {
  switch (name) {
    case 'stay':
      return stay()
    case 'once':
      return once()
    case 'threshold':
      return threshold()
    case 'swt':
      return swt()
    case 'heliotrope':
      return heliotrope(solver)
  }
}

/** One policy through all hours. @param orders is told of each hour's orders */
export async function runPolicy(
  scenario: Scenario,
  policy: Policy,
  standby: boolean,
  ports: {
    progress?: (share: Fraction) => void
    orders?: (hour: number, orders: readonly Order[]) => void
  } = {},
): Promise<World> {
  const world = new World(scenario, standby)
  const { known, advance } = teller(scenario)
  for (let hour = 0; hour < scenario.hours; hour++) {
    advance(hour)
    const orders = await policy.decide({ facts: world.facts, known, arrangement: world.arrangement.copy() })
    ports.orders?.(hour, orders)
    world.pass(hour, orders)
    if (hour % 24 === 23 || hour === scenario.hours - 1) ports.progress?.((hour + 1) / scenario.hours)
  }
  return world
}

/** @throws HeliotropeError bad-input if a site cannot hold its VMs at the start, unavailable if the bound cannot be found */
export async function runBacktest(scenario: Scenario, options: BacktestOptions): Promise<BacktestRun> {
  const { standby = true, solver } = options
  const asked = options.policies ?? POLICY_NAMES
  const names = POLICY_NAMES.filter(name => asked.includes(name) || name === 'stay' || name === 'oracle')
  const vmDays = (scenario.vms.length * (scenario.end - scenario.start)) / DAY
  const policies: BacktestResult['policies'] = {}
  const traces: BacktestRun['traces'] = new Map()
  const progress =
    (what: string) =>
    (share: Fraction): void =>
      options.progress?.(what, share)
  for (const name of names) {
    if (name === 'oracle') {
      const best = await bound(scenario, { ...FLUID, standby, solver, progress: progress(name) })
      policies.oracle = boundResult(best, scenario.vms.length, vmDays)
      continue
    }
    const world = await runPolicy(scenario, createPolicy(name, solver), standby, { progress: progress(name) })
    policies[name] = policyResult(world.totals, vmDays)
    traces.set(name, world.trace)
  }
  const stayG = policies.stay!.gCO2eq
  const oracleG = policies.oracle!.gCO2eq
  const share = (grams: number): number | undefined => capturedShare(stayG, grams, oracleG)
  let attainable: BacktestResult['attainable'] = null
  if (typeof options.attainable === 'number') attainable = { captured: options.attainable, from: 'option' }
  else if (scenario.attainable !== undefined) attainable = { captured: scenario.attainable, from: 'scenario' }
  else if (options.attainable && share(stayG) !== undefined) {
    const whole = await computeWhole(scenario, options, options.attainable)
    const captured = whole && share(whole.gCO2eq)
    if (captured !== undefined) attainable = { captured, from: 'computed' }
  }
  const captured: BacktestResult['captured'] = {}
  const ofAttainable: BacktestResult['ofAttainable'] = {}
  for (const name of names) {
    const part = share(policies[name]!.gCO2eq)
    if (name === 'stay' || name === 'oracle' || part === undefined) continue
    captured[name] = part
    ofAttainable[name] = attainable ? Number((part / attainable.captured).toFixed(5)) : null
  }
  const { name: scenarioName, flags } = scenario
  return {
    result: { scenario: scenarioName, standby, policies, captured, ofAttainable, attainable, flags },
    traces,
  }
}

/** @returns undefined if there is no time for it */
async function computeWhole(
  scenario: Scenario,
  { standby = true, solver, progress }: BacktestOptions,
  { timeLeft }: Computing,
): Promise<Bound | undefined> {
  const most = timeLeft?.() ?? Infinity
  try {
    return await bound(scenario, {
      ...WHOLE,
      standby,
      solver,
      progress: share => {
        progress?.('attainable', share)
        const left = timeLeft?.() ?? Infinity
        const needed = (most - left) / share - (most - left)
        if (needed > left) throw new HeliotropeError('timeout', 'whole hosts would take too long')
      },
    })
  } catch (error) {
    if (HeliotropeError.from(error).code === 'timeout') return undefined
    throw error
  }
}
