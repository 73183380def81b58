import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import type { LinearProgram } from '@heliotrope/planner'
import { systemClock } from '@heliotrope/shared'
import { openInlineSolver } from '../src/solver/inline-solver.js'
import { loadHighs } from '../src/solver/load-highs.js'
import { workerSolver } from '../src/solver/worker-solver.js'

/** The cheaper of two ways first, up to its limit of 3; 5 are needed: 3 x 1 + 2 x 2. */
const small: LinearProgram = {
  cost: [1, 2],
  lower: [0, 0],
  upper: [3, Infinity],
  rows: [{ lower: 5, upper: Infinity, columns: [0, 1], coefficients: [1, 1] }],
}
const impossible: LinearProgram = { ...small, upper: [1, 1] }
const boundless: LinearProgram = { ...small, cost: [1, -1] }
/** Half a host is no host. */
const whole: LinearProgram = {
  cost: [1],
  lower: [0],
  upper: [9],
  integer: [0],
  rows: [{ lower: 2.5, upper: Infinity, columns: [0], coefficients: [1] }],
}
/** Market split: an hour's work for any branch and bound. */
const hard: LinearProgram = {
  cost: Array.from({ length: 60 }, () => 0),
  lower: Array.from({ length: 60 }, () => 0),
  upper: Array.from({ length: 60 }, () => 1),
  integer: Array.from({ length: 60 }, (_, n) => n),
  rows: Array.from({ length: 7 }, (_, row) => {
    const scattered = (n: number): number =>
      Math.abs(Math.sin((n + 1) * (row + 1) * 12.9898) * 43758.5453) % 1
    const coefficients = Array.from({ length: 60 }, (_, n) => 1 + Math.floor(scattered(n) * 99))
    const half = Math.floor(coefficients.reduce((sum, each) => sum + each) / 2)
    return { lower: half, upper: half, columns: coefficients.map((_, n) => n), coefficients }
  }),
}

void t.test('an inline solver answers, and says by name what has no answer', async t => {
  const solver = await openInlineSolver()
  t.match(await solver.solve(small, 1000), { status: 'optimal', objective: 7, values: [3, 2] })
  t.match(await solver.solve(whole, 1000), { status: 'optimal', objective: 3 })
  t.match(await solver.solve(impossible, 1000), { status: 'infeasible' })
  t.match(await solver.solve(boundless, 1000), { status: 'unbounded' })
  t.match(await solver.solve(small, 1000), { objective: 7 }, 'and goes on after each')
})

void t.test('the deadline holds', async t => {
  const solver = await openInlineSolver({ deadlines: true })
  t.match(await solver.solve(hard, 200), { status: 'out-of-time' })
})

void t.test('after a crash the next program gets a fresh instance', async t => {
  let loads = 0
  const load = async () => {
    const highs = await loadHighs()
    if (++loads > 1) return highs
    return Object.assign(Object.create(highs) as typeof highs, {
      withModel() {
        throw new Error('unreachable')
      },
    })
  }
  const solver = await openInlineSolver({ load })
  t.match(await solver.solve(small, 1000), { status: 'crashed', text: /unreachable/ })
  t.match(await solver.solve(small, 1000), { status: 'optimal', objective: 7 })
  t.equal(loads, 2)
})

void t.test('a worker gives the same answers, one after the other', async t => {
  const solver = workerSolver({ clock: systemClock() })
  const inline = await openInlineSolver()
  const [first, second] = await Promise.all([solver.solve(small, 10_000), solver.solve(whole, 10_000)])
  t.same(first, await inline.solve(small, 10_000))
  t.same(second, await inline.solve(whole, 10_000))
  t.match(await solver.solve(hard, 200), { status: 'out-of-time' })
  await solver.stop()
  t.match(await solver.solve(small, 10_000), { objective: 7 }, 'starts again after stop')
  await solver.stop()
})

void t.test(
  'a worker that hangs, dies or cannot be started is out of time or crashed, and replaced',
  async t => {
    const script = (name: string, text: string): URL => {
      const file = join(t.testdir(), name)
      writeFileSync(file, text)
      return pathToFileURL(file)
    }
    // The clock of this test is at hand: the deadline passes when it says so.
    let expire: () => void = () => {}
    const clock = {
      after: (_ms: number, act: () => void) => {
        expire = act
        return () => {}
      },
    }
    const hanging = workerSolver({ clock, script: script('hang.mjs', 'setInterval(() => {}, 1000)') })
    const answer = hanging.solve(small, 50)
    await new Promise(resolve => setImmediate(resolve))
    expire()
    t.match(await answer, { status: 'out-of-time' })
    await hanging.stop()
    const dying = workerSolver({
      clock,
      script: script(
        'die.mjs',
        `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(3))`,
      ),
    })
    t.match(await dying.solve(small, 50), { status: 'crashed', text: /ended with 3/ })
    t.match(await dying.solve(small, 50), { status: 'crashed', text: /ended with 3/ }, 'each time anew')
    const missing = workerSolver({ clock, script: new URL('file:///nowhere/solver.js') })
    t.match(await missing.solve(small, 50), { status: 'crashed' })
  },
)
