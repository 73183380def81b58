/** `heliotrope plan`, `forecast`, `explain` and `accept`; `pause` and `resume`. */
import type { Command } from 'commander'
import { answer } from './answer.js'
import type { Client } from './client.js'
import type { Act } from './context.js'
import { forecastCommand } from './forecast-command.js'
import { planText } from './plan-text.js'
import { whole } from './whole.js'

/** @param by who asks, for the audit */
export function planCommands(program: Command, act: Act, client: () => Client, by: string): void {
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
}

/** @param by who asks, for the audit */
export function pauseCommands(program: Command, act: Act, client: () => Client, by: string): void {
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
}
