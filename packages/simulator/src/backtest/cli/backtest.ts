/** What `heliotrope backtest` does: read, run, draw, answer. */
import { accessSync, constants, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { openInlineSolver } from '@heliotrope/coordinator'
import type { Answer, CliContext } from '@heliotrope/coordinator/cli'
import { HeliotropeError, SECOND } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { madeUpScenario } from '../made-up/made-up.js'
import type { PolicyName } from '../policies/policy.js'
import { drawPicture } from '../report/picture.js'
import { backtestText } from '../report/text.js'
import { runBacktest } from '../run-backtest.js'
import type { BacktestOptions, BacktestRun } from '../run-backtest.js'
import { loadScenario } from '../scenario/load-scenario.js'
import type { Scenario } from '../scenario/scenario.js'
import type { BacktestArguments } from './arguments.js'
import { progressLine } from './progress-line.js'

/** How long a run may take, if it can be helped. */
const PATIENCE: Ms = 270 * SECOND

/** @throws HeliotropeError bad-input for what is wrong with the scenario or the arguments */
export async function backtest(
  dir: string | undefined,
  options: BacktestArguments,
  { stderr, clock }: Pick<CliContext, 'stderr' | 'clock'>,
): Promise<Answer> {
  const begun = clock.mono()
  checkPicture(options)
  const scenario = scenarioOf(dir, options.madeUp)
  for (const flag of scenario.flags) stderr.write(`heliotrope: ${flag}\n`)
  const line = progressLine(stderr)
  const run = await runBacktest(scenario, {
    ...(options.policy && { policies: options.policy }),
    ...attainableOf(options.attainable, () => begun + PATIENCE - clock.mono()),
    standby: options.standby,
    solver: await openInlineSolver(),
    progress: line.show,
  })
  line.end()
  if (options.picture !== undefined) draw(scenario, run, options.picture, options.pictureOf)
  return { json: run.result, text: backtestText(run.result) }
}

/**
 * A scenario's attainable share is a property of the scenario, found by a mixed-integer program that takes a minute or two
 * for two months of ten sites. Unless told otherwise it is computed if the whole run ends within PATIENCE; if not, the
 * answer says null rather than a cheaper figure, which would flatter whatever is divided by it.
 */
function attainableOf(
  option: BacktestArguments['attainable'],
  timeLeft: () => Ms,
): Pick<BacktestOptions, 'attainable'> {
  if (option === 'none') return {}
  if (option === undefined) return { attainable: { timeLeft } }
  return { attainable: option === 'compute' ? {} : option }
}

function scenarioOf(dir: string | undefined, madeUp: string | undefined): Scenario {
  if ((dir === undefined) === (madeUp === undefined))
    throw new HeliotropeError('bad-input', 'one scenario is needed', {
      remedy: 'Name its folder, or say --made-up sunny or --made-up windy.',
    })
  return dir === undefined ? madeUpScenario(madeUp as string) : loadScenario(dir)
}

/** Before minutes are spent on what then cannot be drawn. */
function checkPicture({ picture, pictureOf, policy }: BacktestArguments): void {
  if (pictureOf === 'oracle' || (pictureOf && pictureOf !== 'stay' && policy && !policy.includes(pictureOf)))
    throw new HeliotropeError('bad-input', `there will be no picture of ${pictureOf}`, {
      remedy: 'Name it with --policy, too; the oracle has no whole VMs, and so no picture.',
    })
  if (picture === undefined) return
  try {
    accessSync(dirname(picture), constants.W_OK)
  } catch (cause) {
    throw cannotWrite(picture, cause)
  }
}

function draw(scenario: Scenario, { traces }: BacktestRun, picture: string, of?: PolicyName): void {
  const name = of ?? [...traces.keys()].at(-1)!
  try {
    writeFileSync(picture, drawPicture(scenario, name, traces.get(name)!))
  } catch (cause) {
    throw cannotWrite(picture, cause)
  }
}

const cannotWrite = (picture: string, cause: unknown): HeliotropeError =>
  new HeliotropeError('bad-input', `the picture cannot be written to ${picture}`, { cause })
