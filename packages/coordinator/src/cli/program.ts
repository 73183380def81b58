/** The commands of `heliotrope`. Each asks the running coordinator, but for serve, init, config check and audit verify. */
import { Command, CommanderError } from 'commander'
import { loadConfig } from '../config/load.js'
import { agentCommands } from './agent-commands.js'
import { alarmCommands } from './alarm-commands.js'
import { auditCommands } from './audit-commands.js'
import { consoleClient } from './client.js'
import type { Client } from './client.js'
import { print, printError } from './context.js'
import type { Act, Answer, CliContext, CommandSet, ExitCode } from './context.js'
import { fleetCommands } from './fleet-commands.js'
import { hostCommands } from './host-commands.js'
import { keyCommands } from './key-commands.js'
import { migrateCommands } from './migrate-commands.js'
import { pauseCommands, planCommands } from './plan-commands.js'
import { sagaCommands } from './saga-commands.js'
import { configCommand, setupCommands } from './setup-commands.js'

export const DEFAULT_CONFIG = '/etc/heliotrope/coordinator.yaml'

interface Globals {
  config: string
  json?: boolean
}

/**
 * Runs one command line (without node and script). Never throws.
 * @param more commands of other packages, beside the coordinator's own
 * @returns the exit code
 */
export async function runCli(
  argv: readonly string[],
  context: CliContext,
  more: readonly CommandSet[] = [],
): Promise<ExitCode> {
  let exit: ExitCode = 0
  const program = new Command('heliotrope')
    .description('moves virtual machines to where the green power is')
    .option('--config <file>', 'config of the coordinator', DEFAULT_CONFIG)
    .option('--json', 'answer for programs')
    .exitOverride()
    .configureOutput({
      writeOut: text => context.stdout.write(text),
      writeErr: text => context.stderr.write(text),
    })
    .showHelpAfterError('(see heliotrope --help)')
  const globals = (): Globals => program.opts<Globals>()
  const act: Act = run => {
    return async (...args) => {
      try {
        exit = print(context, await (run as (...args: unknown[]) => Promise<Answer>)(...args), json())
      } catch (error) {
        exit = printError(context, error, json())
      }
    }
  }
  const file = (): string => globals().config
  const json = (): boolean => globals().json === true
  const failed = (error: unknown): void => {
    exit = printError(context, error, false)
  }
  const client = (): Client => consoleClient(loadConfig(file()).consoleSocket)
  const by = context.user

  setupCommands(program, act, context, file, failed)
  fleetCommands(program, act, client, by)
  planCommands(program, act, client, by)
  migrateCommands(program, act, client, context, json)
  hostCommands(program, act, client, by)
  sagaCommands(program, act, client, by)
  alarmCommands(program, act, client, by)
  keyCommands(program, act, client, by)
  pauseCommands(program, act, client, by)
  agentCommands(program, act, client, context, json)
  auditCommands(program, act, client, context, file)
  configCommand(program, act, file)

  for (const add of more) add(program, act, context)
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) return printError(context, error, json())
    return error.exitCode === 0 ? 0 : 2
  }
  return exit
}
