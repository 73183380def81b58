/** `heliotrope sagas [ID]` and `heliotrope resolve ID`. */
import type { Command } from 'commander'
import type { SagaView, SideView } from '../saga/story.js'
import type { Client } from './client.js'
import type { Act } from './context.js'
import { bootsText } from './boot-commands.js'
import { table, when } from './tables.js'

/** @param by who asks, for the audit */
export function sagaCommands(program: Command, act: Act, client: () => Client, by: string): void {
  program
    .command('sagas [move]')
    .description('the open moves, or one move: each step with its time and evidence, and what comes next')
    .action(
      act(async (move: string | undefined) => {
        if (move === undefined) {
          const [moves, others] = [await client().call('sagas'), await client().call('boots')]
          const json = { moves, ...others }
          return { json, text: [sagasTable(moves), bootsText(others)].filter(Boolean).join('\n') }
        }
        const json = await client().call('saga', { move })
        return { json, text: storyText(json) }
      }),
    )
  program
    .command('resolve <move>')
    .description(
      'ask both hosts where the move stands, carry their words to each other, and say what is missing',
    )
    .action(
      act(async (move: string) => {
        const json = await client().call('resolve', { move, by })
        const carried = json.carried.length > 0 ? `heard: ${json.carried.join('; ')}\n` : ''
        const verdict = json.resolved ? `resolved: ${json.outcome}` : 'not resolved'
        return { json, text: `${storyText(json)}\n${carried}${verdict}`, exit: json.resolved ? 0 : 1 }
      }),
    )
}

export const sagasTable = (sagas: readonly SagaView[]): string =>
  table(
    ['MOVE', 'VM', 'FROM', 'TO', 'PHASE', 'SOURCE', 'TARGET', 'NEXT'],
    sagas.map(saga => [
      saga.move,
      saga.name,
      saga.from,
      saga.to,
      saga.phase,
      sideText(saga.source),
      sideText(saga.target),
      saga.next,
    ]),
    'no open moves',
  )

export function storyText(saga: SagaView): string {
  const { name, vm, from, to, move, steps, source, target, next, missing } = saga
  const head = `move ${move}: ${name} (${vm}) from ${from} to ${to}${saga.epoch === undefined ? '' : `, epoch ${saga.epoch}`}`
  const rows = steps.map(({ at, who, record, evidence }) => [when(at), who, record, evidence])
  return [
    head,
    table(['TIME', 'WHO', 'STEP', 'EVIDENCE'], rows, 'no steps'),
    `source ${from}: ${sideText(source)}`,
    `target ${to}: ${sideText(target)}`,
    `next: ${next}`,
    ...missing.map(what => `missing: ${what}`),
  ].join('\n')
}

const sideText = ({ answers, known, record, closed, reason }: SideView): string =>
  answers
    ? known
      ? `${record}${closed ? ', closed' : ''}${reason ? ` (${reason})` : ''}`
      : 'does not know the move'
    : 'no answer'
