// A regular move: the copy that the source holds is a paused domain, and xl ends before COMMIT.
import t from 'tap'
import { MINUTE } from '@heliotrope/shared'
import { SideBench } from './support/rules-world-side.js'

/** A source whose xl save has ended with 0, all of its stream sent. */
async function saved(): Promise<SideBench> {
  const side = new SideBench('source', 'regular')
  side.domain('running')
  await side.run(1, true)
  side.hear('listening')
  await side.run(1)
  side.domain('paused')
  side.sourceXl.streamSent = true
  side.sourceXl.xlExited = true
  side.sourceXl.onChange()
  return side
}

/** In recovery, with this standing. */
function recovered(...records: string[]): SideBench {
  const side = new SideBench('source', 'regular')
  for (const kind of records) side.record(kind, { domid: 3, bootId: 'boot-now' })
  return side
}

t.test('HANDOVER, COMMIT, and on the Accept the paused copy is destroyed', async t => {
  const side = await saved()
  await side.run(2)
  t.notOk(side.records().includes('HANDOVER'), 'READY has not come')
  side.hear('ready')
  await side.run(1)
  t.strictSame(side.records().slice(-1), ['HANDOVER'])
  t.notOk(side.said.includes('release'), 'xl may not have paused the VM')
  side.sourceXl.goRead = true
  side.sourceXl.onChange()
  await side.run(1)
  t.strictSame(side.records().slice(-1), ['COMMIT'])
  side.hear('accept', 5)
  await side.run(5)
  t.strictSame(side.records().slice(-2), ['RELEASED', 'CLEAN'])
  t.ok(side.done.includes('destroy'))
  t.notOk(side.done.includes('report'))
  await side.stop()
})

t.test('refused: the paused copy is reclaimed and runs on', async t => {
  const side = recovered('PREPARED', 'HANDOVER', 'COMMIT')
  side.domain('paused')
  await side.run(60)
  t.ok(side.said.includes('ask'), 'it holds its copy')
  t.strictSame(side.done, [])
  side.hear('refuse')
  await side.run(5)
  t.ok(side.records().includes('RECLAIM'))
  t.equal(side.domains[0]?.state, 'running')
  t.ok(side.said.includes('reclaimed'))
  await side.stop()
})

t.test('what ran below its epoch is paused, and destroyed by nobody, not even on the Accept', async t => {
  const side = recovered('PREPARED', 'HANDOVER', 'COMMIT')
  side.domain('running')
  await side.run(2)
  t.strictSame(side.done, ['pause'])
  t.equal(side.records().at(-1), 'PAUSED')
  side.hear('accept', 5)
  await side.run(30)
  t.equal(side.records().at(-1), 'RELEASED')
  t.strictSame(side.done, ['pause'])
  await side.stop()
})

for (const state of ['paused', 'suspended'] as const)
  t.test(`the mover died in the stream and xl left the VM ${state}: it runs on`, async t => {
    const side = recovered('PREPARED')
    side.domain(state)
    side.xlGone = false
    await side.run(5)
    t.strictSame(side.done, [], 'not while xl lives')
    side.xlGone = true
    await side.run(5)
    t.ok(side.records().includes('ABORT'))
    t.equal(side.domains[0]?.state, 'running')
    await side.stop()
  })

t.test('a VM that stands still for longer than allowed is given back', async t => {
  const side = await saved()
  side.hear('ready')
  await side.run((5 * MINUTE) / 1000 - 10)
  t.notOk(side.records().includes('ABORT'), 'longer than a live hand-over may take')
  await side.run(20)
  t.ok(side.records().includes('ABORT'))
  t.equal(side.domains[0]?.state, 'running')
  await side.stop()
})

t.test('a journal that fails at HANDOVER: the VM runs on without a record', async t => {
  const side = await saved()
  side.journal.fault = () => 'ENOSPC'
  side.hear('ready')
  await side.run(5)
  t.notOk(side.done.includes('READY'))
  t.equal(side.domains[0]?.state, 'running')
  side.journal.fault = () => undefined
  await side.run(30)
  t.ok(side.records().includes('ABORT'))
  t.notOk(side.said.includes('release'))
  await side.stop()
})

t.test('in recovery without a journal nothing is done: a COMMIT may still be found', async t => {
  const side = recovered('PREPARED', 'HANDOVER')
  side.domain('paused')
  side.journal.fault = () => 'ENOSPC'
  await side.run(30)
  t.strictSame(side.done, [])
  await side.stop()
})
