/** From the solver's columns to units at sites over time. */
import type { Program } from './program.js'

/** Units for each site and slot. */
export type Trajectory = number[][]

/** The solver's tolerance, far below any host. */
const round = (units: number): number => Math.round(units * 1e6) / 1e6

export const trajectoryOf = ({ columns }: Program, values: readonly number[]): Trajectory =>
  columns.map(slots =>
    slots.map(own =>
      Math.max(0, round(own.reduce((total, column) => total + (values[column] as number), 0))),
    ),
  )
