/** `heliotrope forget`: whose word about VMs counts for nothing any more. */
import type { Command } from 'commander'
import type { ForgottenView } from '../console/claim-calls.js'
import type { Client } from './client.js'
import type { Act } from './context.js'

interface Options {
  host?: string
  notRunning?: true
  yes?: true
  reason?: string
}

/** @param by who asks, for the audit */
export function claimCommands(program: Command, act: Act, client: () => Client, by: string): void {
  program
    .command('forget <host-or-vm>')
    .description(
      'what a host says of VMs that it does not certifiably own counts no more; or what is said of one VM against its record',
    )
    .option('--host <host>', 'only the word of this host about that VM')
    .option('--not-running', 'your word that the VM does not run where it was last heard to run')
    .option('--yes', 'you have read what is at risk')
    .option('--reason <text>', 'kept in the audit')
    .action(
      act(async (what: string, { host, notRunning, yes, reason }: Options) => {
        const json = await client().call('forget', {
          ...{ what, by },
          ...(host !== undefined && { host }),
          ...(notRunning && { notRunning }),
          ...(yes && { sure: yes }),
          ...(reason !== undefined && { reason }),
        })
        return { json, text: said(json) }
      }),
    )
}

/** @param by who asks, for the audit */
export function restoredCommand(program: Command, act: Act, client: () => Client, by: string): void {
  program
    .command('restored')
    .description(
      'an older backup was restored: nothing is started before every host was heard, numbers leave room',
    )
    .requiredOption('--reason <text>', 'of when it is; kept in the audit')
    .action(
      act(async ({ reason }: { reason: string }) => {
        const json = await client().call('restored', { reason, by })
        const text = json.waiting.length > 0 ? `waits for ${json.waiting.join(', ')}` : 'all hosts were heard'
        return { json, text }
      }),
    )
}

function said({ hosts, name, notRunning, stillBlocked }: ForgottenView): string {
  const whose = hosts.join(' and ')
  if (notRunning) return `${name} counts as not running on ${whose}`
  const what = name === undefined ? 'of VMs that it does not certifiably own' : `of ${name}`
  const blocked =
    stillBlocked.length > 0
      ? `; last heard running there, and blocked for all others: ${stillBlocked.join(', ')}. For each: heliotrope fence, or heliotrope forget VM --not-running`
      : ''
  return `what ${whose} says ${what} counts no more${blocked}`
}
