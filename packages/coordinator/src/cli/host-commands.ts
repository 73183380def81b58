/** `heliotrope drain`, `undrain`, `standby` and `wake`. */
import type { Command } from 'commander'
import type { Client } from './client.js'
import type { Act } from './context.js'

const commands = [
  ['drain', 'plans move all VMs off this host and bring none there, until undrain'],
  ['undrain', 'plans may use this host again'],
  ['standby', 'send an empty host to standby; refused while anything speaks against it'],
  ['wake', 'wake a host from standby'],
] as const

/** @param by who asks, for the audit */
export function hostCommands(program: Command, act: Act, client: () => Client, by: string): void {
  for (const [call, description] of commands)
    program
      .command(`${call} <host>`)
      .description(description)
      .option('--reason <text>', 'kept in the audit')
      .action(
        act(async (host: string, { reason }: { reason?: string }) => {
          const args = { host, by, ...(reason !== undefined && { reason }) }
          const json = await client().call(call, args)
          return { json, text: said(json) }
        }),
      )
}

function said(answer: { host: string } & ({ drained: boolean; vms: number } | { power: string })): string {
  if ('power' in answer)
    return `${answer.host} is ${answer.power === 'going' ? 'on its way to standby' : answer.power}; see: heliotrope hosts`
  if (!answer.drained) return `${answer.host} is in use again`
  return answer.vms === 0
    ? `${answer.host} is drained; no VM is there`
    : `${answer.host} is drained; ${answer.vms} VM(s) are to leave it, see: heliotrope plan`
}
