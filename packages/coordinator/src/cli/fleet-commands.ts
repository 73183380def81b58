/** `heliotrope status`, `sites`, `hosts` and `vms`: the fleet as it is; and what died with a host. */
import type { Command } from 'commander'
import { answer } from './answer.js'
import { bootCommands } from './boot-commands.js'
import type { Client } from './client.js'
import type { Act } from './context.js'
import * as show from './tables.js'

/** @param by who asks, for the audit */
export function fleetCommands(program: Command, act: Act, client: () => Client, by: string): void {
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
}
