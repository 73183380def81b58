// The order in which the coordinator's parts start, hear of events, and stop.
import t from 'tap'
import { startAll, stopAll, tellAll } from '../src/parts.js'
import type { CoordinatorPart } from '../src/parts.js'
import { run, world } from './kit.js'
import { pair } from './two-hosts.js'

t.test('parts start in order, with the open acts of all, and stop in reverse', async t => {
  const did: string[] = []
  const part = (name: string): CoordinatorPart => ({
    name,
    openActs: () => [`act of ${name}`],
    start: acts => void did.push(`start ${name} with ${acts.length}`),
    stopping: () => void did.push(`stopping ${name}`),
    stop: async () => {
      await Promise.resolve()
      did.push(`stop ${name}`)
    },
  })
  const parts = [part('one'), { name: 'silent' }, part('two')]
  startAll(parts)
  await stopAll(parts, () => did.push('sessions end'))
  t.strictSame(did, [
    ...['start one with 2', 'start two with 2'],
    ...['stopping two', 'stopping one', 'sessions end', 'stop two', 'stop one'],
  ])
})

t.test('an event reaches the parts in the order of the list, also those that joined it later', async t => {
  const did: string[] = []
  const parts: CoordinatorPart[] = []
  const left = tellAll(parts, 'hostLeft')
  parts.push({ name: 'one', hostLeft: host => void did.push(`one ${host}`) })
  parts.push({ name: 'none' }, { name: 'two', hostLeft: host => void did.push(`two ${host}`) })
  left('x' as never)
  t.strictSame(did, ['one x', 'two x'])
})

t.test('when a coordinator stops, its head is noted after its last record', async t => {
  const of = world()
  await pair(of)
  await run(of.clock, 65_000)
  const stopped = of.coordinator.stop()
  await of.clock.advance(10)
  await stopped
  const { db } = of.ports
  const noted = db.prepare<[], { seq: number }>(`SELECT seq FROM head WHERE name = 'coordinator'`).get()
  t.equal(noted?.seq, of.journal.head().seq)
})
