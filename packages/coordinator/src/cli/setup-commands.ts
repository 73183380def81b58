/** `heliotrope serve`, `init` and `config check`: what the coordinator itself runs on, without asking one that runs. */
import type { Command } from 'commander'
import { checkConfigFile, loadConfig } from '../config/load.js'
import { makeDataDir, trustDir } from '../data-dir.js'
import type { Act, CliContext } from './context.js'

/** @param file path of the config @param failed tells why the coordinator does not run */
export function setupCommands(
  program: Command,
  act: Act,
  context: CliContext,
  file: () => string,
  failed: (error: unknown) => void,
): void {
  program
    .command('serve')
    .description('run the coordinator')
    .action(async () => {
      try {
        const config = loadConfig(file())
        // Only these two need TLS, X.509 and the like: the other commands start faster without.
        const [{ serve }, { pinoLog }] = await Promise.all([import('../serve.js'), import('../pino-log.js')])
        const log = pinoLog(config.logLevel)
        const serving = await serve(config, { ...context, log })
        log.info('stopping', { signal: await context.terminated })
        await serving.stop()
      } catch (error) {
        failed(error)
      }
    })
  program
    .command('init')
    .description('make the data directory and the certificate authority')
    .action(
      act(async () => {
        const { dataDir } = loadConfig(file())
        makeDataDir(dataDir)
        const { openAuthority } = await import('../trust/authority.js')
        const { fingerprint, signer } = await openAuthority(trustDir(dataDir), context.clock)
        const json = { dataDir, ca: fingerprint, coordinatorKey: signer.fingerprint }
        return {
          json,
          text: `data directory   ${dataDir}\nCA               ${fingerprint}\ncoordinator key  ${signer.fingerprint}`,
        }
      }),
    )
}

/** @param file path of the config */
export function configCommand(program: Command, act: Act, file: () => string): void {
  program
    .command('config')
    .description('the config file')
    .command('check')
    .description('tell all that is wrong with it')
    .action(
      act(() => {
        const path = file()
        const { problems } = checkConfigFile(path)
        const text =
          problems.length === 0 ? `${path}: good` : `${path}:\n${problems.map(p => `  ${p}`).join('\n')}`
        return {
          json: { file: path, ok: problems.length === 0, problems },
          text,
          exit: problems.length === 0 ? 0 : 2,
        }
      }),
    )
}
