/** The command `heliotrope-agent`. Each verb is a file of its own, loaded when it is used. */
import { resolve } from 'node:path'
import { Command, CommanderError } from 'commander'
import { HeliotropeError } from '@heliotrope/shared'
import { VERSION } from '../version.js'
import { fail } from './output.js'

const CONFIG = '/etc/heliotrope/agent.yaml'

/** @returns the exit code: 0 done, 1 failed or something is wrong, 2 not understood */
export async function runCli(args: readonly string[]): Promise<number> {
  let code = 0
  const program = new Command('heliotrope-agent')
    .description('the agent of Heliotrope on a Xen dom0')
    .version(VERSION)
    .option('-c, --config <file>', 'the config of this host', CONFIG)
    .exitOverride()
    .showHelpAfterError()
  const configFile = (): string => resolve(program.opts<{ config: string }>().config)
  const json = ['--json', 'print JSON for programs'] as const

  program
    .command('join')
    .description('get a certificate from the coordinator with a join token (heliotrope token create)')
    .option('--token-file <file>', 'where the token is; - or nothing: standard input')
    .option(...json)
    .action(async (options: { tokenFile?: string; json?: boolean }) => {
      code = await (await import('./join.js')).joinCommand(configFile(), options)
    })
  program
    .command('run')
    .description('run the agent until it is told to stop')
    .action(async () => {
      code = await (await import('./run.js')).runCommand(configFile())
    })
  program
    .command('status')
    .description('what the running agent sees and says')
    .option(...json)
    .action(async (options: { json?: boolean }) => {
      code = await (await import('./status.js')).statusCommand(configFile(), options)
    })
  program
    .command('doctor')
    .description('what on this host would make a migration fail, and the remedy')
    .option(
      '--fix',
      'mend what can be mended without harm to a running VM: mask xendomains, give dom0 its weight',
    )
    .option(...json)
    .action(async (options: { json?: boolean; fix?: boolean }) => {
      code = await (await import('./doctor.js')).doctorCommand(configFile(), options)
    })
  program
    .command('meters')
    .description('read each meter of the config once')
    .option(...json)
    .action(async (options: { json?: boolean }) => {
      code = await (await import('./meters.js')).metersCommand(configFile(), options)
    })

  try {
    await program.parseAsync(args as string[], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    return fail(HeliotropeError.from(error), args.includes('--json'))
  }
}
