/** What `heliotrope backtest` does: read, run, draw, answer. */
import { writeFileSync } from 'node:fs'
import { openInlineSolver } from '@heliotrope/coordinator'
import type { Answer, CliContext } from '@heliotrope/coordinator/cli'
import { HeliotropeError } from '@heliotrope/shared'
import { madeUpScenario } from '../made-up/made-up.js'
import { drawPicture } from '../report/picture.js'
import { backtestText } from '../report/text.js'
import { runBacktest } from '../run-backtest.js'
import type { BacktestRun } from '../run-backtest.js'
import { loadScenario } from '../scenario/load-scenario.js'
import type { Scenario } from '../scenario/scenario.js'
import type { BacktestArguments } from './command.js'
import { progressLine } from './progress-line.js'

/** @throws HeliotropeError bad-input for what is wrong with the scenario or the arguments */
export async function backtest(
  dir: string | undefined,
  options: BacktestArguments,
  { stderr }: Pick<CliContext, 'stderr'>,
): Promise<Answer> {
  const scenario = scenarioOf(dir, options.madeUp)
  for (const flag of scenario.flags) stderr.write(`heliotrope: ${flag}\n`)
  const line = progressLine(stderr)
  const run = await runBacktest(scenario, {
    ...(options.policy && { policies: options.policy }),
    ...(options.attainable !== undefined && { attainable: options.attainable }),
    standby: options.standby,
    solver: await openInlineSolver(),
    progress: line.show,
  })
  line.end()
  if (options.picture !== undefined) draw(scenario, run, options)
  return { json: run.result, text: backtestText(run.result) }
}

function scenarioOf(dir: string | undefined, madeUp: string | undefined): Scenario {
  if ((dir === undefined) === (madeUp === undefined))
    throw new HeliotropeError('bad-input', 'one scenario is needed', {
      remedy: 'Name its folder, or say --made-up sunny or --made-up windy.',
    })
  return dir === undefined ? madeUpScenario(madeUp as string) : loadScenario(dir)
}

function draw(scenario: Scenario, { traces }: BacktestRun, { picture, pictureOf }: BacktestArguments): void {
  const name = pictureOf ?? [...traces.keys()].at(-1)!
  const trace = traces.get(name)
  if (!trace)
    throw new HeliotropeError('bad-input', `there is no picture of ${name}`, {
      remedy: 'It was not run, or is the oracle, which has no whole VMs.',
    })
  try {
    writeFileSync(picture as string, drawPicture(scenario, name, trace))
  } catch (cause) {
    throw new HeliotropeError('bad-input', `the picture cannot be written to ${picture}`, { cause })
  }
}
