/** What a backtest says, for programs. */
import type { Fraction } from '@heliotrope/shared'
import type { PolicyName } from '../policies/policy.js'
import type { Bound } from '../oracle/bound.js'
import type { Totals } from '../world/world.js'

export interface PolicyResult {
  gCO2eq: number
  gridKWh: number
  /** Green power used, of all energy used. */
  greenShare: Fraction
  moves: number
  /** VM-seconds. */
  downtimeS: number
  /** Spent on moving, on both hosts and on the way. */
  moveKWh: number
  movesPerVmDay: number
  /** Orders that the world could not carry out: no room, or no time left in the hour. */
  refusedOrders: number
}

export interface BacktestResult {
  scenario: string
  standby: boolean
  policies: Partial<Record<PolicyName, PolicyResult>>
  /** (stay - policy) / (stay - oracle), of the carbon. */
  captured: Partial<Record<PolicyName, number>>
  /** Captured, of what whole hosts with perfect foresight capture; null where that is not known. */
  ofAttainable: Partial<Record<PolicyName, number | null>>
  /** What whole hosts capture, and where the figure is from. */
  attainable: { captured: number; from: 'scenario' | 'option' | 'computed' } | null
  /** What was odd in the scenario's files. */
  flags: string[]
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits))

export function policyResult(totals: Totals, vmDays: number): PolicyResult {
  return {
    gCO2eq: round(totals.gCO2eq, 1),
    gridKWh: round(totals.gridWh / 1000, 3),
    greenShare: round(totals.greenWh / totals.usedWh, 5),
    moves: totals.moves,
    downtimeS: round(totals.downtimeS, 1),
    moveKWh: round(totals.moveWh / 1000, 3),
    movesPerVmDay: round(totals.moves / vmDays, 4),
    refusedOrders: totals.refusedOrders,
  }
}

/** The bound moves shares of the fleet: its moves are those shares times the VMs, to be comparable. */
export function boundResult(bound: Bound, vms: number, vmDays: number): PolicyResult {
  const moves = bound.fleetMoves * vms
  return policyResult(
    { ...bound, greenWh: bound.usedWh - bound.gridWh, moves: round(moves, 1), refusedOrders: 0 },
    vmDays,
  )
}

/** @returns undefined if the bound saves nothing, so that there is nothing to capture */
export function capturedShare(stay: number, policy: number, bound: number): number | undefined {
  return stay - bound > 1e-9 * stay ? round((stay - policy) / (stay - bound), 5) : undefined
}
