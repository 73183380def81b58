/** A copy of all that a coordinator keeps, bit for bit, and a coordinator that is started on it later. */
import { openMemoryJournal } from '@heliotrope/shared'
import type { Clock, MemoryJournal } from '@heliotrope/shared'
import type { Db } from '../src/store/database.js'
import type { TestWorld } from './kit.js'

export interface Backup {
  journal: MemoryJournal
  db: Buffer
}

export function backup({ clock, journal, ports }: Pick<TestWorld, 'clock' | 'journal' | 'ports'>): Backup {
  let at: number | undefined
  const past: Clock = {
    wall: () => at ?? clock.wall(),
    mono: () => clock.mono(),
    after: (delay, fn) => clock.after(delay, fn),
  }
  const source = ports.journal ?? journal
  const copy = openMemoryJournal(past)
  for (const { stream, kind, body, at: then } of source.scan(1, 100_000)) {
    at = then
    copy.append(stream, kind, body)
  }
  at = undefined
  const open = new Set(source.streams('', 'open'))
  for (const stream of source.streams('', 'all')) if (!open.has(stream)) copy.seal(stream)
  return { journal: copy, db: ports.db.serialize() }
}

/** The coordinator stops, and starts on the copy. Agents that are wanted connect again. */
export async function restore(of: TestWorld, { db, journal }: Backup): Promise<void> {
  const Database = of.ports.db.constructor as new (copy: Buffer) => Db
  of.ports.journal = journal
  await of.restart(() => (of.ports.db = new Database(db)))
}
