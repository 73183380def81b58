/** `heliotrope keys`: which key signs, and its rotation. */
import type { Command } from 'commander'
import type { KeysView } from '../console/key-calls.js'
import type { Client } from './client.js'
import type { Act } from './context.js'

/** @param by who asks, for the audit */
export function keyCommands(program: Command, act: Act, client: () => Client, by: string): void {
  const keys = program
    .command('keys')
    .description('the key that signs grants and commands')
    .action(
      act(async () => {
        const json = await client().call('keys')
        return { json, text: keysText(json) }
      }),
    )
  keys
    .command('rotate')
    .description('make the next key and announce it to all hosts; nothing is signed by it yet')
    .action(
      act(async () => {
        const json = await client().call('keys.rotate', { by })
        return { json, text: keysText(json) }
      }),
    )
  keys
    .command('finish')
    .description('let the next key take over, once all hosts have noted it')
    .option('--leave-behind', 'do not wait for hosts that are away: they must join again with a new token')
    .action(
      act(async ({ leaveBehind }: { leaveBehind?: boolean }) => {
        const json = await client().call('keys.finish', { by, ...(leaveBehind && { leaveBehind }) })
        return { json, text: keysText(json) }
      }),
    )
}

const keysText = ({ signer, next, retired, waitingFor }: KeysView): string =>
  [
    `signs now: ${signer}`,
    ...(next === undefined ? [] : [`next:      ${next}`]),
    ...retired.map(key => `retired:   ${key}`),
    ...(waitingFor.length > 0 ? [`not noted yet by: ${waitingFor.join(', ')}`] : []),
  ].join('\n')
