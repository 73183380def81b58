/** `heliotrope audit show`, `replay` and `verify`. */
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { loadConfig } from '../config/load.js'
import { journalFile, storeFile } from '../data-dir.js'
import { verifyJournalFile } from '../store/verify.js'
import { answer } from './answer.js'
import type { Client } from './client.js'
import type { Act, CliContext } from './context.js'
import * as show from './tables.js'
import { whole } from './whole.js'

/** @param config path of the config */
export function auditCommands(
  program: Command,
  act: Act,
  client: () => Client,
  context: CliContext,
  config: () => string,
): void {
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
        return replayCommand(file ?? storeFile(loadConfig(config()).dataDir), id)
      }),
    )
  audit
    .command('verify [file]')
    .description('check the hash chain; default: the journal of the coordinator, running or not')
    .option('--head <seq:hash>', 'a head noted elsewhere, against which a cut tail shows', headOf)
    .action(
      act((file: string | undefined, { head }: { head?: { seq: number; hash: string } }) => {
        const result = verifyJournalFile(
          file ?? journalFile(loadConfig(config()).dataDir),
          context.clock,
          head,
        )
        const text = result.fault
          ? `TAMPERED: ${result.file}: ${result.fault.what}`
          : `${result.file}: ${result.records} records, unbroken; head ${result.head.seq}:${result.head.hash} (end checked against: ${result.against})`
        return { json: { ok: !result.fault, ...result }, text, exit: result.fault ? 1 : 0 }
      }),
    )
}

function headOf(text: string): { seq: number; hash: string } {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (seq === undefined || hash === undefined)
    throw new InvalidArgumentError('must look like 123:64-hex-digits')
  return { seq: Number(seq), hash }
}
