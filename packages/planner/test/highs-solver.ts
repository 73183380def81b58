/** HiGHS for the planner's tests, in this thread: what the coordinator's solver does, in a few lines. */
import module from 'highs'
import type { Highs } from 'highs'
import type { Solver } from '@heliotrope/planner'

const highs = await (module as unknown as () => Promise<Highs>)()

/** How many programs it was asked. */
export const asked = { count: 0 }

export const solver: Solver = {
  async solve({ cost, lower, upper, rows }) {
    asked.count++
    return highs.withModel(model => {
      model.options.set('output_flag', false)
      model.passModel({
        numCols: cost.length,
        numRows: rows.length,
        colCost: cost,
        colLower: lower,
        colUpper: upper,
        rowLower: rows.map(row => row.lower),
        rowUpper: rows.map(row => row.upper),
        matrix: {
          format: 'csr',
          numRows: rows.length,
          numCols: cost.length,
          starts: rows.reduce((starts, row) => [...starts, (starts.at(-1) ?? 0) + row.columns.length], [0]),
          indices: rows.flatMap(row => [...row.columns]),
          values: rows.flatMap(row => [...row.coefficients]),
        },
      })
      const status = model.run().modelStatus
      if (status !== highs.constants.modelStatus.optimal)
        return { status: 'infeasible' as const, text: `HiGHS says ${status}` }
      return {
        status: 'optimal' as const,
        objective: model.getObjectiveValue(),
        values: [...model.getSolution().colValue],
      }
    })
  },
}
