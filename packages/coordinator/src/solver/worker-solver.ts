/**
 * HiGHS in a worker thread: a hard program cannot stop the coordinator from hearing its agents, and a deadline holds
 * even when WebAssembly does not come back, since the worker is ended then.
 */
import { Worker } from 'node:worker_threads'
import type { LinearProgram, Solution, Solver } from '@heliotrope/planner'
import { errorChain } from '@heliotrope/shared'
import type { Clock, Ms } from '@heliotrope/shared'

export interface WorkerSolver extends Solver {
  /** Ends the worker; a program in work is answered with `crashed`. Idempotent; `solve` starts a new one. */
  stop(): Promise<void>
}

export interface WorkerSolverOptions {
  clock: Pick<Clock, 'after'>
  /** Default: the one beside this file. */
  script?: URL
}

/** The worker itself gives up at the deadline; this is how much later it is taken to hang. */
const GRACE_MS: Ms = 500

interface Job {
  done: (answer: Solution) => void
  cancel: () => void
}

/** Programs are solved one after the other; each has its own deadline, counted from when the worker takes it up. */
export function workerSolver({ clock, script }: WorkerSolverOptions): WorkerSolver {
  const file = script ?? new URL('./highs-worker.js', import.meta.url)
  let worker: Worker | undefined
  let job: Job | undefined
  let queue: Promise<unknown> = Promise.resolve()

  const finish = (answer: Solution): void => {
    const ended = job
    job = undefined
    // The program may end while the worker waits for work.
    worker?.unref()
    ended?.cancel()
    ended?.done(answer)
  }
  const discard = async (text: string, status: 'crashed' | 'out-of-time'): Promise<void> => {
    const old = worker
    worker = undefined
    finish({ status, text })
    await old?.terminate()
  }
  const running = (): Worker => {
    if (worker) return worker
    const started = new Worker(file)
    const ifCurrent = (act: () => void) => () => {
      if (worker === started) act()
    }
    started.on('message', (answer: Solution) => {
      ifCurrent(() => finish(answer))()
      // Its WebAssembly instance may be broken.
      if (answer.status === 'crashed') ifCurrent(() => void discard(answer.text, 'crashed'))()
    })
    started.on('error', error =>
      ifCurrent(() => void discard(`the solver's worker failed: ${errorChain(error)}`, 'crashed'))(),
    )
    started.on('exit', code =>
      ifCurrent(() => void discard(`the solver's worker ended with ${code}`, 'crashed'))(),
    )
    worker = started
    return started
  }
  const solveNow = (program: LinearProgram, deadlineMs: Ms): Promise<Solution> =>
    new Promise(resolve => {
      const cancel = clock.after(
        deadlineMs + GRACE_MS,
        () => void discard(`no solution within ${deadlineMs} ms`, 'out-of-time'),
      )
      job = { done: resolve, cancel }
      try {
        const chosen = running()
        chosen.ref()
        chosen.postMessage({ program, deadlineMs })
      } catch (error) {
        void discard(`the solver's worker cannot be used: ${errorChain(error)}`, 'crashed')
      }
    })
  return {
    solve(program, deadlineMs) {
      const answer = queue.then(() => solveNow(program, deadlineMs))
      queue = answer
      return answer
    },
    stop: () => discard('the solver was stopped', 'crashed'),
  }
}
