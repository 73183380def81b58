/** Notes the head of an agent's journal at each hello: a journal that comes back shorter, or another, has been cut. */
import type { Clock, Hello, Journal } from '@heliotrope/shared'
import type { Alarms } from '../store/alarms.js'
import type { FleetMemory } from '../store/memory-of-fleet.js'

export interface HeadPorts {
  memory: FleetMemory
  journal: Journal
  alarms: Alarms
  clock: Clock
}

export function noteJournalHead(ports: HeadPorts, { host, key, journal: head }: Hello): void {
  const { memory, journal, alarms, clock } = ports
  // A host that joined anew has a new key, and may have a new journal.
  const name = `agent/${host}/${key.slice(0, 16)}`
  const before = memory.head(name)
  if (before?.hash === head.hash) return
  if (before && head.seq <= before.seq) {
    alarms.raise(
      'coordinator',
      `journal-cut/${host}`,
      `the journal of ${host} ends at record ${head.seq}; ${before.seq} were noted at ${new Date(before.at).toISOString()}`,
      'keep the file; compare it with the noted head (heliotrope audit verify FILE --head SEQ:HASH); move nothing from this host',
    )
    return
  }
  alarms.clear('coordinator', `journal-cut/${host}`)
  memory.noteHead(name, head, clock.wall())
  journal.append('heads', 'NOTED', { host, key, ...head })
}
