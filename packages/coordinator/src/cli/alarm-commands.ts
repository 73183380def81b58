/** `heliotrope alarms`: what was and is wrong, and whether anybody hears of it. */
import type { Command } from 'commander'
import type { AlarmEntry } from '../store/alarms.js'
import type { Client } from './client.js'
import type { Act } from './context.js'
import { table, when } from './tables.js'

/** @param by who asks */
export function alarmCommands(program: Command, act: Act, client: () => Client, by: string): void {
  const alarms = program
    .command('alarms')
    .description('what is wrong now, and what to do about it')
    .option('--all', 'also those that are over, newest first')
    .action(
      act(async ({ all }: { all?: boolean }) => {
        const entries = await client().call('alarms', { limit: all ? 1_000 : 10_000 })
        const json = all ? entries : entries.filter(({ state }) => state === 'raised')
        return { json, text: alarmsTable(json) }
      }),
    )
  alarms
    .command('test')
    .description('tell a test to the webhook or command of the config')
    .action(
      act(async () => {
        const json = await client().call('alarms.test', { by })
        return { json, text: 'taken' }
      }),
    )
}

const alarmsTable = (alarms: readonly AlarmEntry[]): string =>
  table(
    ['SINCE', 'OVER', 'AT', 'WHAT', 'REMEDY'],
    alarms.map(({ raisedAt, clearedAt, source, text, remedy }) => [
      when(raisedAt),
      when(clearedAt),
      source,
      text,
      remedy,
    ]),
    'no alarm',
  )
