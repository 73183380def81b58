import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Sum } from './cases.js'
import { chooseCases, sumUp } from './cases.js'
import { Hogs, hogsOf, machineShares } from './hogs.js'
import { contentKey } from './image-key.js'
import { Lab } from './lab.js'
import { inCache, recipes, repository } from './paths.js'
import { giveGroupPrecedence, withPrecedence } from './precedence.js'
import { inNamespace } from './processes.js'
import { buildProduct } from './product.js'
import { CaseRecord } from './record.js'
import { say } from './say.js'
import { Sitting } from './sitting.js'
import type { Suite, SuiteOptions } from './suite.js'
import { casesOf, checkNumbers, figuresOf, loadSuite, playSuite } from './suite.js'

/** What a suite came to: its figures, and how its cases ended. */
export type Result = Record<string, unknown> & Sum

/** Options that say which cases are played, or how it is told, and not what a case is. */
const notOfACase = ['json', 'only', 'fresh', 'short']

/**
 * Runs a suite, or goes on with it: the cases that were chosen and have not ended under this build and these options.
 * Nothing is started if there is none.
 *
 * @param again the command line of this program that ends in `runInside` with these arguments
 * @returns the exit code, or the result if all had ended before
 * @throws LabUsage if `--only` names no case
 */
export async function runSuite(
  name: string,
  options: SuiteOptions,
  again: (args: string[]) => string[],
): Promise<number | Result> {
  const suite = await loadSuite(name)
  checkNumbers(options)
  const hogs = hogsOf(options)
  const chosen = chooseCases(casesOf(name, suite, options), options['only'])
  const record = recordOf(name, suite, options)
  if (options['fresh']) record.forget(chosen)
  record.prune()
  const sitting = new Sitting(chosen, record)
  const { left } = sitting
  const ended = chosen.length - left.length
  if (ended > 0)
    say(
      `${ended} of ${chosen.length} cases of ${name} have ended before; --fresh starts over (${record.file})`,
    )
  if (left.length === 0) return resultOf(suite, options, sitting)
  await buildProduct()
  const beside = new Hogs(hogs)
  try {
    beside.start()
    await Lab.up(options['debian'] ?? suite.debian)
    return await inside(again([name, JSON.stringify(options), record.file]))
  } finally {
    beside.stop()
  }
}

/** The second half of `runSuite`, in the namespace: the suite's own sockets and requests reach the hosts. */
export async function runInside(name: string, options: SuiteOptions, recordFile: string): Promise<Result> {
  const suite = await loadSuite(name)
  const chosen = chooseCases(casesOf(name, suite, options), options['only'])
  const sitting = new Sitting(chosen, new CaseRecord(recordFile))
  const lab = Lab.attach()
  await playSuite(name, suite, lab, options, sitting)
  const hogs = hogsOf(options)
  const result = resultOf(suite, options, sitting)
  return hogs > 0 ? { ...result, hogs, cpuShares: machineShares(lab.hosts) } : result
}

function resultOf(suite: Suite, options: SuiteOptions, sitting: Sitting): Result {
  const { chosen, outcomes, recordedBefore } = sitting
  const sum = sumUp(chosen, outcomes, recordedBefore)
  return { ...figuresOf(suite, outcomes, options), ...sum }
}

/** What was shown of another build, by another suite or with other options does not count. */
function recordOf(name: string, suite: Suite, options: SuiteOptions): CaseRecord {
  const ofCases = Object.entries({ debian: suite.debian ?? '13', ...options }).filter(
    ([option]) => !notOfACase.includes(option),
  )
  const packages = ['shared', 'planner', 'coordinator', 'agent'].map(part => `packages/${part}/src`)
  const own = readdirSync(recipes).filter(file => !/\.md$|\.test\.ts$/.test(file))
  const key = contentKey(ofCases.sort(), [
    ...[...packages, 'package-lock.json', 'scripts/product'].map(path => join(repository, path)),
    ...own.map(path => join(recipes, path)),
  ])
  return new CaseRecord(inCache('records', `${name}-${key}.jsonl`))
}

/**
 * A process on the same streams that has this machine's CPUs before other work, as the hosts that it judges have: in a session,
 * and therefore a scheduler group, of its own.
 */
function inside(command: readonly string[]): Promise<number> {
  // It must not go on in a lab that another run takes over: the lock is its parent's.
  const [file, ...argv] = ['setpriv', '--pdeathsig', 'KILL', ...inNamespace(withPrecedence(command))]
  return new Promise((resolve, reject) => {
    const child = spawn(file!, argv, { stdio: 'inherit', detached: true })
    child.on('spawn', () => giveGroupPrecedence(child.pid!))
    // The suite cleans up, and its exit code is ours. A terminal's Ctrl-C does not reach another session.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => child.kill(signal))
    child.on('error', reject)
    child.on('close', code => resolve(code ?? 1))
  })
}
