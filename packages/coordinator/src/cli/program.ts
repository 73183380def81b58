/** The commands of `heliotrope`. Each asks the running coordinator, but for serve, init, config check and audit verify. */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { iso } from '@heliotrope/shared'
import type { MoveId } from '@heliotrope/shared'
import { checkConfigFile, loadConfig } from '../config/load.js'
import { journalFile, makeDataDir, storeFile, trustDir } from '../data-dir.js'
import { verifyJournalFile } from '../store/verify.js'
import { consoleClient } from './client.js'
import type { Client } from './client.js'
import { print, printError } from './context.js'
import type { Act, Answer, CliContext, CommandSet, ExitCode } from './context.js'
import { forecastCommand } from './forecast-command.js'
import { bootCommands } from './boot-commands.js'
import { claimCommands, restoredCommand } from './claim-commands.js'
import { hostCommands } from './host-commands.js'
import { alarmCommands } from './alarm-commands.js'
import { keyCommands } from './key-commands.js'
import { planText } from './plan-text.js'
import { sagaCommands } from './saga-commands.js'
import * as show from './tables.js'
import { waitForMove } from './wait-for-move.js'

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
      const json = globals().json === true
      try {
        exit = print(context, await (run as (...args: unknown[]) => Promise<Answer>)(...args), json)
      } catch (error) {
        exit = printError(context, error, json)
      }
    }
  }
  const client = (): Client => consoleClient(loadConfig(globals().config).consoleSocket)
  const by = context.user

  program
    .command('serve')
    .description('run the coordinator')
    .action(async () => {
      try {
        const config = loadConfig(globals().config)
        // Only these two need TLS, X.509 and the like: the other commands start faster without.
        const [{ serve }, { pinoLog }] = await Promise.all([import('../serve.js'), import('../pino-log.js')])
        const log = pinoLog(config.logLevel)
        const serving = await serve(config, { ...context, log })
        log.info('stopping', { signal: await context.terminated })
        await serving.stop()
      } catch (error) {
        exit = printError(context, error, false)
      }
    })
  program
    .command('init')
    .description('make the data directory and the certificate authority')
    .action(
      act(async () => {
        const { dataDir } = loadConfig(globals().config)
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
  program
    .command('status')
    .description('the fleet at a glance')
    .action(act(async () => answer(await client().call('status'), show.statusText)))
  program
    .command('sites')
    .description('green power and load of each site')
    .action(act(async () => answer(await client().call('sites'), show.sitesTable)))
  program
    .command('hosts')
    .description('the hosts')
    .action(act(async () => answer(await client().call('hosts'), show.hostsTable)))
  const vms = program
    .command('vms')
    .description('the VMs, and where they are')
    .action(act(async () => answer(await client().call('vms'), show.vmsTable)))
  bootCommands(program, vms, act, client, by)
  claimCommands(program, act, client, by)
  restoredCommand(program, act, client, by)
  program
    .command('plan')
    .description('what should move, why, and what should not; moves nothing')
    .action(act(async () => answer(await client().call('plan'), planText)))
  forecastCommand(program, act, client)
  program
    .command('explain <vm>')
    .description('why a VM moves, or why not')
    .action(
      act(async (vm: string) => answer(await client().call('explain', { vm }), explained => explained.text)),
    )
  program
    .command('accept')
    .description('start the moves of the present plan')
    .argument('[plan]', 'number of the plan you mean; another than the present one is refused', whole)
    .option('--move <n>', 'only this move, from 1', whole)
    .action(
      act(async (plan: number | undefined, options: { move?: number }) => {
        const args = { by, ...(plan === undefined ? {} : { plan }), ...options }
        return answer(await client().call('accept', args), ({ started }) =>
          started.map(({ move, name, from, to }) => `${name}: ${from} to ${to}, move ${move}`).join('\n'),
        )
      }),
    )
  program
    .command('migrate <vm> <host>')
    .description('move one VM now')
    .option('--reason <text>', 'kept in the audit')
    .option(
      '--regular',
      'save, carry and restore it, for one that cannot move live: it stands still meanwhile',
    )
    .option('--wait', 'follow the move to its end; exit code 1 if the VM stays')
    .action(
      act(
        async (vm: string, host: string, options: { reason?: string; regular?: boolean; wait?: boolean }) => {
          const to = client()
          const regular = options.regular ? { regular: true } : {}
          const reason = options.reason === undefined ? {} : { reason: options.reason }
          const started = await to.call('migrate', { vm, host, by, ...regular, ...reason })
          const still =
            started.stillMs === undefined
              ? ''
              : `, regular: it stands still for about ${Math.ceil(started.stillMs / 1000)} s`
          const line = `${started.name}: ${started.from} to ${started.to}, move ${started.move}${still}`
          if (still && options.wait && globals().json !== true) context.stderr.write(`${line}\n`)
          if (!options.wait) return { json: started, text: line }
          return ended(to, started.move)
        },
      ),
    )
  const ended = async (to: Client, move: MoveId): Promise<Answer> => {
    const { clock, stderr } = context
    const view = await waitForMove({ client: to, clock, move, quiet: globals().json === true, stderr })
    const { done, name } = view
    const took =
      done?.startedAt !== undefined && done.endedAt !== undefined ? done.endedAt - done.startedAt : undefined
    const figures = [
      done?.bytes === undefined ? '' : show.size(done.bytes),
      took === undefined ? '' : `${(took / 1000).toFixed(1)} s`,
      done?.stillMs === undefined ? '' : `still for ${Math.round(done.stillMs)} ms`,
    ].filter(Boolean)
    const text = `${name} ${done?.outcome}: ${done?.reason}${figures.length > 0 ? ` (${figures.join(', ')})` : ''}`
    return { json: view, text, exit: done?.outcome === 'moved' ? 0 : 1 }
  }
  for (const pinned of [true, false])
    program
      .command(pinned ? 'pin <vm>' : 'unpin <vm>')
      .description(pinned ? 'no plan moves this VM; migrate still does' : 'plans may move this VM again')
      .action(
        act(async (vm: string) =>
          answer(
            await client().call('pin', { vm, pinned, by }),
            ({ name }) => `${name} is ${pinned ? 'pinned' : 'not pinned'}`,
          ),
        ),
      )
  hostCommands(program, act, client, by)
  sagaCommands(program, act, client, by)
  alarmCommands(program, act, client, by)
  keyCommands(program, act, client, by)
  for (const call of ['pause', 'resume'] as const)
    program
      .command(call)
      .description(call === 'pause' ? 'start no more moves; those under way end' : 'start moves again')
      .option('--reason <text>', 'kept in the audit')
      .action(
        act(async (options: { reason?: string }) =>
          answer(await client().call(call, { by, ...options }), ({ paused, openMoves }) =>
            paused ? `paused; ${openMoves} move(s) under way will end` : 'resumed',
          ),
        ),
      )
  program
    .command('token')
    .description('join tokens')
    .command('create')
    .description(
      'a single-use token with which one host may join; for heliotrope-agent join, on its stdin or in a file',
    )
    .option('--host <host>', 'only for this host')
    .option('--site <site>', 'only for this site')
    .action(
      act(async (options: { host?: string; site?: string }) => {
        const made = await client().call('token.create', { by, ...options })
        context.stderr.write(globals().json ? '' : `valid once, until ${iso(made.expiresAt)}\n`)
        return { json: made, text: made.token }
      }),
    )
  const agents = program
    .command('agents')
    .description('the hosts that have joined')
    .action(act(async () => answer(await client().call('agents'), show.agentsTable)))
  agents
    .command('revoke <host>')
    .description('let this host in no more, at once')
    .option('--reason <text>', 'kept in the audit')
    .action(
      act(async (host: string, options: { reason?: string }) =>
        answer(
          await client().call('agents.revoke', { host, by, ...options }),
          ({ id }) => `${id} is revoked`,
        ),
      ),
    )
  const audit = program.command('audit').description('what the coordinator did, and why')
  audit
    .command('show')
    .option('--limit <n>', 'newest acts', whole, 50)
    .action(
      act(async ({ limit }: { limit: number }) =>
        answer(await client().call('audit.show', { limit }), show.auditTable),
      ),
    )
  audit
    .command('replay')
    .description('make a stored decision again and compare; the coordinator may run or not')
    .argument('<plan>', 'number of the plan', whole)
    .argument('[store]', 'default: the store of the coordinator')
    .action(
      act(async (id: number, file: string | undefined) => {
        const { replayCommand } = await import('./replay-command.js')
        return replayCommand(file ?? storeFile(loadConfig(globals().config).dataDir), id)
      }),
    )
  audit
    .command('verify [file]')
    .description('check the hash chain; default: the journal of the coordinator, running or not')
    .option('--head <seq:hash>', 'a head noted elsewhere, against which a cut tail shows', headOf)
    .action(
      act((file: string | undefined, { head }: { head?: { seq: number; hash: string } }) => {
        const result = verifyJournalFile(
          file ?? journalFile(loadConfig(globals().config).dataDir),
          context.clock,
          head,
        )
        const text = result.fault
          ? `TAMPERED: ${result.file}: ${result.fault.what}`
          : `${result.file}: ${result.records} records, unbroken; head ${result.head.seq}:${result.head.hash} (end checked against: ${result.against})`
        return { json: { ok: !result.fault, ...result }, text, exit: result.fault ? 1 : 0 }
      }),
    )
  program
    .command('config')
    .description('the config file')
    .command('check')
    .description('tell all that is wrong with it')
    .action(
      act(() => {
        const { config: file } = globals()
        const { problems } = checkConfigFile(file)
        const text =
          problems.length === 0 ? `${file}: good` : `${file}:\n${problems.map(p => `  ${p}`).join('\n')}`
        return {
          json: { file, ok: problems.length === 0, problems },
          text,
          exit: problems.length === 0 ? 0 : 2,
        }
      }),
    )

  for (const add of more) add(program, act, context)
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) return printError(context, error, globals().json === true)
    return error.exitCode === 0 ? 0 : 2
  }
  return exit
}

const answer = <T>(json: T, text: (value: T) => string): Answer => ({ json, text: text(json) })

function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('must be a whole number from 1')
  return Number(text)
}

function headOf(text: string): { seq: number; hash: string } {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (seq === undefined || hash === undefined)
    throw new InvalidArgumentError('must look like 123:64-hex-digits')
  return { seq: Number(seq), hash }
}
