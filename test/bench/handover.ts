// Between READY and GO: what certificates, journals and fsyncs add to the time the VM stands still. The whole loops of
// both sides, a process each, with a stand-in for xl that answers at once.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { worker } from './workers.js'

/** @returns milliseconds from READY of the target's xl to GO given to it, one per move */
export async function handovers(dir: string, moves: number): Promise<number[]> {
  const own = join(dir, 'handover')
  mkdirSync(own, { recursive: true })
  const target = worker('bench-handover-side', ['target', own])
  await target.hear('up')
  const source = worker('bench-handover-side', ['source', own])
  await source.hear('up')
  const samples: number[] = []
  for (let move = 1; move <= moves; move++) {
    target.say({ move })
    const { ready: order } = await target.hear<{ ready: unknown }>('ready')
    source.say({ order })
    const { ms, last } = await target.hear<{ ms: number; last: string[] }>('closed')
    await source.hear('closed')
    if (!(ms > 0)) throw new Error(`move ${move} ended without GO: ${last.join(' ')}`)
    samples.push(ms)
  }
  for (const one of [source, target]) one.say({ end: true })
  await Promise.all([source.ended, target.ended])
  return samples
}
