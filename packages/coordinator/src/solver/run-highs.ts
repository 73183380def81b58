/** One program through HiGHS, synchronously: sparse rows in, values or a named failure out. */
import type { Highs, ModelStatusCode } from 'highs'
import type { LinearProgram, Solution } from '@heliotrope/planner'
import type { Ms } from '@heliotrope/shared'

/**
 * A fresh native model for each program: nothing is carried over from the last one, so that the same program gives the
 * same answer, bit for bit.
 * @throws whatever HiGHS throws; its WebAssembly instance must then be thrown away (after an abort it answers nonsense)
 */
export function runHighs(highs: Highs, program: LinearProgram, deadlineMs: Ms): Solution {
  const { cost, lower, upper, rows, integer = [] } = program
  const starts = [0]
  let entries = 0
  for (const row of rows) starts.push((entries += row.columns.length))
  const indices = new Int32Array(entries)
  const values = new Float64Array(entries)
  rows.forEach((row, n) => {
    indices.set(row.columns, starts[n])
    values.set(row.coefficients, starts[n])
  })
  const { modelStatus, variableType } = highs.constants
  const whole = new Set(integer)
  return highs.withModel((model): Solution => {
    model.options.set('output_flag', false)
    if (Number.isFinite(deadlineMs)) model.options.set('time_limit', Math.max(0.001, deadlineMs / 1000))
    if (program.gap !== undefined) model.options.set('mip_rel_gap', program.gap)
    model.passModel({
      numCols: cost.length,
      numRows: rows.length,
      colCost: cost,
      colLower: lower,
      colUpper: upper,
      rowLower: rows.map(row => row.lower),
      rowUpper: rows.map(row => row.upper),
      matrix: { format: 'csr', numRows: rows.length, numCols: cost.length, starts, indices, values },
      ...(integer.length > 0 && {
        integrality: cost.map((_, n) => (whole.has(n) ? variableType.integer : variableType.continuous)),
      }),
    })
    const status: ModelStatusCode = model.run().modelStatus
    if (status === modelStatus.optimal)
      return {
        status: 'optimal',
        objective: model.getObjectiveValue(),
        values: [...model.getSolution().colValue],
      }
    if (status === modelStatus.infeasible)
      return { status: 'infeasible', text: 'the linear program has no solution' }
    if (status === modelStatus.unbounded || status === modelStatus.unboundedOrInfeasible)
      return { status: 'unbounded', text: 'the linear program has no best solution' }
    if (status === modelStatus.timeLimit)
      return { status: 'out-of-time', text: `no solution within ${deadlineMs} ms` }
    return { status: 'crashed', text: `HiGHS ended with model status ${status}` }
  })
}
