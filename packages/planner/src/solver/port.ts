/**
 * The solver as the planner sees it: a linear program in, an answer out. The planner does not know what solves it, and
 * treats every answer but `optimal` as no answer.
 */
import type { Ms } from '@heliotrope/shared'

/** minimise cost . x, with lower <= x <= upper and for each row: lower <= sum of coefficient x column <= upper. */
export interface LinearProgram {
  /** One entry a column. */
  cost: readonly number[]
  lower: readonly number[]
  /** `Infinity` for none. */
  upper: readonly number[]
  /** Columns that must be whole numbers; absent: none. */
  integer?: readonly number[]
  /** With whole numbers: an answer is taken that is proven to be within this share of the best. Absent: the solver's own. */
  gap?: number
  rows: readonly Row[]
}

export interface Row {
  /** Equal for an equation; `-Infinity` and `Infinity` for none. */
  lower: number
  upper: number
  /** Pairs of column and coefficient, each column once, in the order of the columns. */
  columns: readonly number[]
  coefficients: readonly number[]
}

export type SolverFailure = 'out-of-time' | 'infeasible' | 'unbounded' | 'crashed'

export type Solution =
  | { status: 'optimal'; objective: number; values: readonly number[] }
  | { status: SolverFailure; text: string }

export interface Solver {
  /**
   * Never rejects: what goes wrong is the answer. The same program gives the same answer, bit for bit.
   * @param deadlineMs from the call on; after it the answer is `out-of-time`
   */
  solve(program: LinearProgram, deadlineMs: Ms): Promise<Solution>
}
