/** `heliotrope backtest`. What it needs is loaded when it is asked for: other commands start without. */
import { InvalidArgumentError } from 'commander'
import type { Act, CliContext, CommandSet } from '@heliotrope/coordinator/cli'
import type { Fraction } from '@heliotrope/shared'
import { POLICY_NAMES } from '../policies/policy.js'
import type { PolicyName } from '../policies/policy.js'
import type { BacktestArguments } from './arguments.js'

export const backtestCommand: CommandSet = (program, act: Act, context: CliContext) => {
  program
    .command('backtest')
    .description('run the policies on a recorded scenario, and say what each would have saved')
    .argument('[dir]', 'folder of the scenario: scenario.json and the files that it names')
    .option(
      '--made-up <name>',
      'instead of a folder: sunny (weather measured) or windy (forecasts as issued)',
    )
    .option(
      '--policy <names...>',
      `only these, of ${POLICY_NAMES.join(', ')}; stay and oracle always run`,
      policies,
    )
    .option('--no-standby', 'hosts without VMs stay awake')
    .option('--picture <file>', 'draw green power, load and VMs of each site over time, as SVG')
    .option('--picture-of <policy>', 'which policy to draw; else the last one that moves VMs', one)
    .option(
      '--attainable <share>',
      'what whole hosts with perfect foresight capture, for ofAttainable: a share, compute or none; ' +
        'else computed if that ends in time',
      attainable,
    )
    .action(
      act(async (dir: string | undefined, options: BacktestArguments) => {
        const { backtest } = await import('./backtest.js')
        return backtest(dir, options, context)
      }),
    )
}

function one(text: string): PolicyName {
  const name = POLICY_NAMES.find(policy => policy === text)
  if (!name) throw new InvalidArgumentError(`one of ${POLICY_NAMES.join(', ')} is needed.`)
  return name
}

function policies(text: string, before: PolicyName[] = []): PolicyName[] {
  return [...before, ...text.split(',').map(one)]
}

function attainable(text: string): Fraction | 'compute' | 'none' {
  if (text === 'compute' || text === 'none') return text
  const share = Number(text)
  if (!(share > 0 && share <= 1))
    throw new InvalidArgumentError('a share above 0, up to 1, or compute, or none is needed.')
  return share
}
