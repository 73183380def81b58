// After its DONE record: what is still to do is done, whatever fails meanwhile.
import t from 'tap'
import { SECOND } from '@heliotrope/shared'
import type { MoveId } from '@heliotrope/shared'
import { moveStream } from '../src/saga/records.js'
import { run, world } from './kit.js'
import type { TestWorld } from './kit.js'
import { carry, pair } from './two-hosts.js'

const begin = (of: TestWorld): MoveId =>
  of.coordinator.console.migrate({ vm: 'vm1', host: 'y', by: 'test', reason: 'because' }).move

t.test('what follows from the end of a move is done again until it is done, once', async t => {
  let told = 0
  const moveEnded = (): void => {
    if (told++ === 0) throw new Error('the disk of the learner is full')
  }
  const of = world({}, { moveEnded })
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  const move = begin(of)
  await run(of.clock, 3 * SECOND)
  moving.end('moved')
  await run(of.clock, 6 * SECOND)
  const keys = async () => (await of.coordinator.console.status()).alarms.map(alarm => alarm.key)
  t.strictSame(await keys(), [`saga/${move}`])
  await run(of.clock, 40 * SECOND)
  t.strictSame(await keys(), [], 'the alarm is over with its cause')
  t.equal(told, 2)
  t.equal(of.journal.read(moveStream(move)).filter(({ kind }) => kind === 'DONE').length, 1)
  t.equal(of.coordinator.sagas.ended().length, 1, 'one move in the count of the hour')
})

t.test('an audit that cannot be written after DONE leaves the VM busy only until it can', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  const move = begin(of)
  await run(of.clock, 3 * SECOND)
  of.journal.fault = (_, kind) => (kind === 'FINISH' ? 'ENOSPC' : undefined)
  moving.end('moved')
  await run(of.clock, 10 * SECOND)
  t.equal(of.coordinator.sagas.state(move)?.done?.outcome, 'moved')
  of.journal.fault = () => undefined
  await run(of.clock, 40 * SECOND)
  t.match(of.coordinator.console['audit.show']({ limit: 5 }), [{ act: { what: 'move' }, outcome: 'done' }])
  t.equal(of.coordinator.sagas.open().length, 0)
  t.strictSame((await of.coordinator.console.status()).alarms, [])
})
