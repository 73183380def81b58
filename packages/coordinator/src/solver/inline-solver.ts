/**
 * HiGHS in this thread: for the simulator and the backtest, where virtual time stands still while it works. Production
 * uses the worker.
 */
import type { Highs } from 'highs'
import type { LinearProgram, Solution, Solver } from '@heliotrope/planner'
import { errorChain } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { loadHighs } from './load-highs.js'
import { runHighs } from './run-highs.js'

export interface InlineSolverOptions {
  load?: () => Promise<Highs>
  /**
   * Whether the deadline given to `solve` holds. Default: not, so that the answer cannot depend on how busy the machine
   * is, and a simulated day is the same on each.
   */
  deadlines?: boolean
}

/** Programs beyond this are freed memory's trap: WebAssembly memory grows and never shrinks. */
const FRESH_AFTER_BYTES = 256 * 1024 * 1024

/** Loaded before it is returned, so that `solve` waits for nothing but itself. */
export async function openInlineSolver(options: InlineSolverOptions = {}): Promise<Solver> {
  const load = options.load ?? loadHighs
  let highs: Highs | undefined = await load()
  return {
    async solve(program: LinearProgram, deadlineMs: Ms): Promise<Solution> {
      try {
        highs ??= await load()
        const answer = runHighs(highs, program, options.deadlines ? deadlineMs : Infinity)
        if (highs.memoryBytes > FRESH_AFTER_BYTES) highs = undefined
        return answer
      } catch (error) {
        // After an abort an instance answers nonsense or hangs: never again this one.
        highs = undefined
        return { status: 'crashed', text: `the solver failed: ${errorChain(error)}` }
      }
    },
  }
}
