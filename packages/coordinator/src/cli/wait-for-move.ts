/** Follows one move to its end: a live line on a terminal, lines of change otherwise. */
import ora from 'ora'
import { sleep } from '@heliotrope/shared'
import type { Clock, MoveId } from '@heliotrope/shared'
import type { MoveView } from '../console/views.js'
import type { Client } from './client.js'
import { size } from './tables.js'

export interface WaitOptions {
  client: Client
  clock: Clock
  move: MoveId
  /** Writes no progress at all. */
  quiet: boolean
  stderr: NodeJS.WriteStream
}

/** @returns the move when it is done. @throws what the coordinator answers */
export async function waitForMove({ client, clock, move, quiet, stderr }: WaitOptions): Promise<MoveView> {
  const spinner = quiet || !stderr.isTTY ? undefined : ora({ stream: stderr, text: 'granted' }).start()
  let before = ''
  try {
    for (;;) {
      const view = await client.call('move', { move })
      const text = progressText(view)
      if (spinner) spinner.text = text
      else if (!quiet && text !== before) stderr.write(`${text}\n`)
      before = text
      if (view.done) return view
      await sleep(clock, 500)
    }
  } finally {
    spinner?.stop()
  }
}

/** `copying: 120.0 MiB, 40.0 MiB/s, 30720 pages (500 again), round 2, about 3 s left` */
export function progressText(view: MoveView): string {
  if (view.stuck) return `${view.name}: stuck: ${view.stuck.text}`
  const side = view.progress.find(entry => entry.role === 'source') ?? view.progress[0]
  if (!side) return `${view.name}: ${view.phase.toLowerCase().replace('_', ' ')}`
  const left =
    side.rateBps > 0 ? `, about ${Math.ceil((side.remainingPages * 4096) / side.rateBps)} s left` : ''
  return (
    `${view.name}: ${side.phase}: ${size(side.bytes)}, ${size(side.rateBps)}/s, ${side.pages} pages ` +
    `(${side.dirtiedPages} again), round ${side.round}${side.phase === 'copying' ? left : ''}`
  )
}
