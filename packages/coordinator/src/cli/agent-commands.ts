/** `heliotrope token create`, `agents` and `agents revoke`. */
import type { Command } from 'commander'
import { iso } from '@heliotrope/shared'
import { answer } from './answer.js'
import type { Client } from './client.js'
import type { Act, CliContext } from './context.js'
import * as show from './tables.js'

/** @param json whether the answer is for programs */
export function agentCommands(
  program: Command,
  act: Act,
  client: () => Client,
  context: CliContext,
  json: () => boolean,
): void {
  const by = context.user
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
        context.stderr.write(json() ? '' : `valid once, until ${iso(made.expiresAt)}\n`)
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
}
