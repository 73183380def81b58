/** What `scripts/demo` is asked for. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Mode } from '@heliotrope/shared'

export interface DemoOptions {
  once: boolean
  json: boolean
  mode: Mode
  seed: number
}

/** @throws CommanderError for what it does not know, and for --help */
export function parseOptions(argv: readonly string[]): DemoOptions {
  const seed = (text: string): number => {
    if (!/^\d{1,9}$/.test(text))
      throw new InvalidArgumentError('a whole number from 0 to 999999999 is needed.')
    return Number(text)
  }
  const program = new Command('demo')
    .description('Runs Heliotrope on three simulated sites for a day, or day after day until Ctrl-C.')
    .option('--once', 'end after one day', false)
    .option('--json', 'one line of JSON a day instead of the view, as fast as possible', false)
    .addOption(
      new Option('--mode <mode>', 'what the coordinator may do')
        .choices(['observe', 'recommend', 'auto'])
        .default('auto'),
    )
    .option('--seed <n>', 'of weather and load: the same seed gives the same day', seed, 1)
    .exitOverride()
    .parse(argv, { from: 'user' })
  return program.opts<DemoOptions>()
}
