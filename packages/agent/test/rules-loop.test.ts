/**
 * Where the rules meet the loops: what a side does to its host when the move is decided but its stream is still open,
 * when the journal fails, when nothing comes.
 */
import t from 'tap'
import { standingOf } from '../src/mover/standing.js'
import { MOVE, vm } from './support/mover-fixture.js'
import { SideBench } from './support/rules-world-side.js'

t.test('a target that refuses because the VM runs there leaves it alone', async t => {
  const side = new SideBench('target')
  side.domain('running')
  await side.run(10, true)
  t.strictSame(side.records(), ['ORDERED', 'REFUSE', 'CLEAN'])
  side.hear('abort')
  await side.run(10)
  t.equal(side.records().at(-1), 'CLOSED')
  t.notOk(
    side.done.some(what => what === 'destroy' || what === 'detach'),
    side.done.join(', '),
  )
  await side.stop()
})

t.test('an aborted source resumes its VM once, and not when another move or xl save suspends it', async t => {
  const side = new SideBench('source')
  side.record('PREPARED', { domid: 3, bootId: 'boot-now' })
  side.record('ABORT', { why: 'the target is down' })
  side.domain('suspended')
  await side.run(0.1)
  t.ok(side.done.includes('resume'))
  side.domain('running')
  await side.run(5)
  side.done.length = 0
  // The target is down, so the stream stays open; the agent lets another move of this VM begin.
  side.domain('suspended', `${vm.name}--migratedaway`)
  await side.run(5)
  t.strictSame(side.done, [])
  await side.stop()
})

t.test('a VM that somebody suspends before its copy began is left as it is', async t => {
  const side = new SideBench('source')
  side.domain('running')
  await side.run(1, true)
  t.strictSame(side.records(), ['ORDERED', 'PREPARED'])
  side.domain('suspended')
  side.hear('listening')
  await side.run(5)
  t.match(side.journal.read(`source/${MOVE}`).find(({ kind }) => kind === 'ABORT')?.body, {
    why: /the VM is suspended before its copy began/,
    untouched: true,
  })
  t.equal(side.records().at(-1), 'CLEAN')
  t.strictSame(side.done, ['close pipes'], 'xl was not started, nothing was resumed')
  await side.stop()

  const later = new SideBench('source')
  later.record('PREPARED', { domid: 3, bootId: 'boot-now' })
  later.record('ABORT', { why: 'suspended by hand', untouched: true })
  later.domain('suspended')
  await later.run(5)
  t.strictSame(later.done, [], 'a mover that recovers knows it, too')
  await later.stop()
})

t.test('a refused target that has dropped its copy does not drop the copy of the next move', async t => {
  const side = new SideBench('target')
  side.record('PREPARED')
  side.record('REFUSE', { why: 'the mover ended before READY' })
  await side.run(5)
  side.done.length = 0
  side.domain('paused', `${vm.name}--incoming`, 9)
  await side.run(5)
  t.notOk(side.done.includes('destroy'))
  await side.stop()
})

t.test('a target announces no VM that is not there', async t => {
  const side = new SideBench('target')
  side.record('RUNNING', { domid: 3, epoch: 5 })
  await side.run(5)
  t.notOk(side.done.includes('announce'))
  t.equal(side.records().at(-1), 'CLEAN')
  await side.stop()
})

/** Each way a side is clean, with what came before; and the word that lets it close. */
const cleanStreams = [
  { role: 'source', before: ['PREPARED', 'ABORT'], closes: 'done' },
  { role: 'source', before: ['PREPARED', 'HANDOVER', 'COMMIT', 'RECLAIM'], closes: 'done' },
  { role: 'source', before: ['PREPARED', 'HANDOVER', 'COMMIT', 'RELEASED'], closes: 'done' },
  { role: 'target', before: ['PREPARED', 'REFUSE'], closes: 'abort' },
  { role: 'target', before: ['PREPARED', 'READY', 'REFUSE'], closes: 'closed' },
  { role: 'target', before: ['PREPARED', 'READY', 'ACCEPT', 'RETURN'], closes: 'closed' },
  { role: 'target', before: ['PREPARED', 'READY', 'ACCEPT', 'GO', 'RUNNING'], closes: 'closed' },
] as const

for (const { role, before, closes } of cleanStreams)
  t.test(`${role}, ${before.at(-1)} and CLEAN: a later move of the VM is none of its business`, async t => {
    const side = new SideBench(role)
    for (const kind of [...before, 'CLEAN']) side.record(kind, { domid: 3, bootId: 'boot-now', epoch: 5 })
    const standing = side.records()
    // xl of the later move lives; its domain passes through all that a move here and away shows, under domid 3 and 9.
    side.xlGone = false
    for (const domid of [3, 9])
      for (const name of [`${vm.name}--incoming`, vm.name, `${vm.name}--migratedaway`])
        for (const state of ['paused', 'running', 'suspended', 'poweroff'] as const) {
          side.domain(state, name, domid)
          await side.run(2)
        }
    side.domains = []
    await side.run(2)
    t.strictSame(side.done, [])
    t.strictSame(side.looked, 0, 'it does not even look')
    t.strictSame(side.records(), standing)
    side.domain('suspended')
    side.hear(closes)
    await side.run(2)
    t.equal(side.records().at(-1), 'CLOSED')
    t.strictSame(side.done, [])
    await side.stop()
  })

t.test('a domain of another boot is not the copy of the move', async t => {
  const side = new SideBench('source')
  side.record('PREPARED', { domid: 3, bootId: 'boot-before' })
  side.record('COMMIT')
  side.record('RELEASED')
  side.domain('paused')
  await side.run(5)
  t.notOk(side.done.includes('destroy'))
  await side.stop()
})

t.test('a source that hears a refusal before it has reached the target gives up at once', async t => {
  const side = new SideBench('source')
  side.domain('running')
  await side.run(1, true)
  t.strictSame(side.records(), ['ORDERED', 'PREPARED'])
  side.hear('refuse')
  await side.run(5)
  t.strictSame(side.records().slice(0, 4), ['ORDERED', 'PREPARED', 'ABORT', 'CLEAN'])
  await side.stop()
})

t.test(
  'a VM that stands still and whose READY does not come is given back within the hand-over limit',
  async t => {
    const side = new SideBench('source')
    side.domain('running')
    await side.run(1, true)
    side.hear('listening')
    await side.run(1)
    t.ok(side.done.includes('xl'))
    side.domain('suspended')
    side.sourceXl.streamSent = true
    side.sourceXl.onChange()
    await side.run(90)
    t.ok(side.records().includes('ABORT'))
    await side.stop()
  },
)

/** A source whose VM is suspended, all of its stream sent. */
async function handingOver(): Promise<SideBench> {
  const side = new SideBench('source')
  side.domain('running')
  await side.run(1, true)
  side.hear('listening')
  await side.run(1)
  side.domain('suspended')
  side.sourceXl.streamSent = true
  return side
}

t.test('a journal that fails before READY is given does not freeze the VM', async t => {
  const side = await handingOver()
  side.journal.fault = () => 'ENOSPC'
  side.sourceXl.broken = 'the target closed the stream connection'
  side.sourceXl.onChange()
  await side.run(120)
  t.ok(side.done.includes('close pipes'))
  await side.stop()
})

t.test(
  'READY is given only while the journal takes records: after GO it is too late to find out',
  async t => {
    const side = await handingOver()
    side.journal.fault = () => 'ENOSPC'
    side.hear('ready')
    await side.run(1)
    t.notOk(side.done.includes('READY'))
    side.sourceXl.goRead = true
    side.sourceXl.onChange()
    await side.run(30)
    t.notOk(side.said.includes('release'), 'nothing is released without its record')
    t.notOk(side.done.includes('resume'), 'a COMMIT that failed may still be found after a crash')
    side.journal.fault = () => undefined
    await side.run(120)
    t.ok(side.records().includes('ABORT'), 'goes on when it can')
    t.notOk(side.records().includes('COMMIT'), 'the pipes are gone, and with them the hand-over')
    await side.stop()
  },
)

t.test(
  'a journal that fails between READY and COMMIT: nothing is released or taken back until it can',
  async t => {
    const side = await handingOver()
    side.hear('ready')
    await side.run(1)
    t.ok(side.done.includes('READY'))
    side.journal.fault = () => 'ENOSPC'
    side.sourceXl.goRead = true
    side.sourceXl.onChange()
    await side.run(5)
    t.equal(side.records().at(-1), 'HANDOVER')
    t.notOk(side.said.includes('release'))
    t.notOk(side.done.includes('resume') || side.done.includes('close pipes'), side.done.join(', '))
    side.journal.fault = () => undefined
    await side.run(10)
    t.equal(side.records().at(-1), 'COMMIT')
    t.ok(side.said.includes('release'))
    await side.stop()
  },
)

t.test('a name that cannot be given back does not keep an early abort open', async t => {
  const side = new SideBench('source')
  side.domain('running', `${vm.name}--migratedaway`)
  await side.run(5, true)
  t.strictSame(side.records(), ['ORDERED', 'ABORT', 'CLEAN'], 'refused: an earlier move left the name')
  t.notOk(side.done.includes(`rename ${vm.name}`))
  await side.stop()
})

t.test('an act without effect is tried again with a pause', async t => {
  const side = new SideBench('source')
  side.record('PREPARED', { domid: 3, bootId: 'boot-now' })
  side.record('ABORT')
  side.domain('suspended')
  side.deaf = true
  await side.run(5)
  const tries = side.done.filter(what => what === 'resume').length
  t.ok(tries > 1 && tries < 20, `${tries} in 5 s`)
  side.deaf = false
  await side.run(2)
  t.equal(side.records().at(-1), 'CLEAN')
  await side.stop()
})

t.test('a certificate given out by an earlier process is given out again, to the letter', async t => {
  const side = new SideBench('source')
  const release = side.word('release', 'source', 5, 1_700_000_000_000)
  side.record('PREPARED', { domid: 3, bootId: 'boot-now' })
  side.record('COMMIT', { certificate: release })
  side.domain('suspended')
  await side.run(5)
  t.ok(side.gave.length > 1)
  for (const given of side.gave) t.strictSame(given, release)
  await side.stop()
})

t.test(
  'Reclaimed is in the journal: the coordinator and a target out of reach learn it from there',
  async t => {
    const side = new SideBench('source')
    side.record('PREPARED', { domid: 3, bootId: 'boot-now' })
    side.record('COMMIT', { certificate: side.word('release', 'source', 5) })
    side.domain('suspended')
    side.peer.connected = false
    await side.run(1)
    side.hear('refuse')
    await side.run(5)
    t.strictSame(side.records().slice(-2), ['RECLAIM', 'CLEAN'])
    t.strictSame(side.gave, [], 'the target is out of reach')
    const known = standingOf(side.journal, MOVE).certificates.map(({ body }) => `${body.kind}/${body.epoch}`)
    t.strictSame(known, ['grant/4', 'release/5', 'refuse/4', 'reclaimed/6'])
    await side.stop()
  },
)

t.test('an xl that hangs after the report loses its pipes after a minute', async t => {
  const side = await handingOver()
  side.hear('ready')
  await side.run(1)
  side.sourceXl.goRead = true
  side.sourceXl.onChange()
  await side.run(1)
  side.hear('accept', 5)
  await side.run(1)
  t.ok(side.done.includes('report'))
  await side.run(50)
  t.notOk(side.done.includes('close pipes'))
  side.xlGone = false
  await side.run(20)
  t.ok(side.done.includes('close pipes'))
  t.notOk(side.done.includes('destroy'), 'not beside a living xl')
  side.xlGone = true
  await side.run(5)
  t.ok(side.done.includes('destroy'))
  t.equal(side.records().at(-1), 'CLEAN')
  await side.stop()
})
