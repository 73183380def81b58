/** The worker's side of the solver: one program in, one answer out. */
import { parentPort } from 'node:worker_threads'
import type { LinearProgram } from '@heliotrope/planner'
import type { Ms } from '@heliotrope/shared'
import { openInlineSolver } from './inline-solver.js'

const loading = openInlineSolver({ deadlines: true })

parentPort?.on('message', async ({ program, deadlineMs }: { program: LinearProgram; deadlineMs: Ms }) => {
  const solver = await loading
  parentPort?.postMessage(await solver.solve(program, deadlineMs))
})
