/** `heliotrope vms boot`, `heliotrope vms lift` and `heliotrope fence`; and the boots in `heliotrope sagas`. */
import type { Command } from 'commander'
import { HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { FenceView, LostAndOpen } from '../console/boot-calls.js'
import type { Client } from './client.js'
import type { Act } from './context.js'
import { table, when } from './tables.js'

interface FenceOptions {
  reason?: string
  confirm?: true
  powerOff?: true
  status?: true
}

/** Longer than any controller is given. */
const WAIT_MS: Ms = 15 * MINUTE

const statusText = ({ host, connected, by, power, said }: FenceView): string =>
  `${by} says that ${host} is ${power} (${said})` +
  (connected && power !== 'on' ? `, but ${host} is connected: does the config name its own controller?` : '')

/** @param vms the command that lists VMs @param by who asks, for the audit */
export function bootCommands(
  program: Command,
  vms: Command,
  act: Act,
  client: () => Client,
  by: string,
): void {
  vms
    .command('boot <vm>')
    .description('start a VM that died with its host from its disk, on the host where it ran or another')
    .option('--at <host>', 'default: where it ran')
    .option('--reason <text>', 'kept in the audit')
    .action(
      act(async (vm: string, { at, reason }: { at?: string; reason?: string }) => {
        const args = {
          vm,
          by,
          ...(at !== undefined && { host: at }),
          ...(reason !== undefined && { reason }),
        }
        const json = await client().call('vms.boot', args)
        return { json, text: `${json.name} is being started on ${json.to}; see: heliotrope sagas` }
      }),
    )
  vms
    .command('lift <vm>')
    .description('free a VM of what a host has yielded of it to another host that started it by itself')
    .requiredOption('--at <host>', 'the host that refuses it for that')
    .option('--reason <text>', 'kept in the audit')
    .action(
      act(async (vm: string, { at, reason }: { at: string; reason?: string }) => {
        const args = { vm, host: at, by, ...(reason !== undefined && { reason }) }
        const json = await client().call('vms.lift', args)
        return { json, text: `${json.host} takes ${json.name} again from epoch ${json.epoch} on` }
      }),
    )
  program
    .command('fence <host>')
    .description(
      'state that a host is off, and that it was off after all it last said: its VMs may start elsewhere',
    )
    .option('--reason <text>', 'how you know, or why; kept in the audit with your name')
    .option('--confirm', 'not on your word: its management controller must say that it is off')
    .option('--power-off', 'have the controller take its power away first: what still runs there dies')
    .option('--status', 'only ask the controller and show its answer; on a host that is up, too')
    .action(
      act(async (host: string, { reason, confirm, powerOff, status }: FenceOptions) => {
        if (status) {
          const json = await client().call('fence.status', { host })
          return { json, text: statusText(json) }
        }
        if (reason === undefined || (confirm && powerOff))
          throw new HeliotropeError(
            'bad-input',
            reason === undefined ? 'fence needs --reason' : '--confirm and --power-off exclude each other',
          )
        const how = confirm ? 'confirm' : powerOff ? 'power-off' : 'operator'
        const json = await client().call('fence', { host, how, reason, by }, WAIT_MS)
        const lost = json.vms.length > 0 ? `; died with it: ${json.vms.join(', ')}` : ''
        const said = how === 'operator' ? '' : ` (${json.evidence})`
        return { json, text: `${json.host} counts as off until it is back with another boot${said}${lost}` }
      }),
    )
}

export const bootsText = ({ boots, lost }: LostAndOpen): string =>
  [
    ...(boots.length > 0
      ? [
          table(
            ['BOOT', 'VM', 'ON', 'EPOCH', 'SINCE', 'NEXT'],
            boots.map(one => [one.boot, one.name, one.to, one.epoch, when(one.requestedAt), one.next]),
            '',
          ),
        ]
      : []),
    ...(lost.length > 0
      ? [
          table(
            ['LOST', 'DIED WITH', 'EPOCH', 'NOT STARTED BECAUSE'],
            lost.map(one => [one.name, one.host, one.epoch, one.blocked ?? one.doubt ?? 'it is about to be']),
            '',
          ),
        ]
      : []),
  ].join('\n')
