/**
 * Writes down how the solver ended, and plays it back. What it computes is a function of the program, but whether it
 * was in time is not: without this a decision made on a busy machine could not be made again.
 */
import type { Solution, Solver, SolverFailure } from '@heliotrope/planner'

export type SolverAnswer = { status: 'optimal' } | { status: SolverFailure; text: string }

/** @returns a solver for one plan, and what it answered, filled as it answers */
export function recording(solver: Solver): { solver: Solver; answers: SolverAnswer[] } {
  const answers: SolverAnswer[] = []
  return {
    answers,
    solver: {
      async solve(program, deadlineMs) {
        const solution = await solver.solve(program, deadlineMs)
        const { status } = solution
        answers.push(status === 'optimal' ? { status } : { status, text: solution.text })
        return solution
      },
    },
  }
}

/** Fails where it failed then; computes anew, without a deadline, where it did not. */
export function replaying(solver: Solver, answers: readonly SolverAnswer[]): Solver {
  let next = 0
  return {
    solve(program): Promise<Solution> {
      const answer = answers[next++]
      if (answer === undefined || answer.status === 'optimal') return solver.solve(program, Infinity)
      return Promise.resolve(answer)
    },
  }
}
