/** `heliotrope migrate`, `pin` and `unpin`. */
import type { Command } from 'commander'
import type { MoveId } from '@heliotrope/shared'
import { answer } from './answer.js'
import type { Client } from './client.js'
import type { Act, Answer, CliContext } from './context.js'
import * as show from './tables.js'
import { waitForMove } from './wait-for-move.js'

/** @param json whether the answer is for programs */
export function migrateCommands(
  program: Command,
  act: Act,
  client: () => Client,
  context: CliContext,
  json: () => boolean,
): void {
  const by = context.user
  const ended = async (to: Client, move: MoveId): Promise<Answer> => {
    const { clock, stderr } = context
    const view = await waitForMove({ client: to, clock, move, quiet: json(), stderr })
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
          if (still && options.wait && !json()) context.stderr.write(`${line}\n`)
          if (!options.wait) return { json: started, text: line }
          return ended(to, started.move)
        },
      ),
    )
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
}
