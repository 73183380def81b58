// xl save -p in the simulated world, as it was seen on Xen 4.20.
import t from 'tap'
import { SaveXl } from '@heliotrope/simulator'
import { onlyDomain, xlPair } from './small-world.js'
import type { Pair } from './small-world.js'

/** The guest is being copied, and stands still. */
async function copying(faults: Parameters<typeof xlPair>[0] = {}): Promise<Pair> {
  const pair = xlPair(faults, {}, SaveXl)
  pair.target.start()
  await pair.clock.advance(1_000)
  pair.source.start(onlyDomain(pair.a).domid)
  await pair.clock.advance(2_000)
  return pair
}

void t.test(
  'the guest stands still from the first page on, and ends paused; the target takes the stream',
  async t => {
    const { a, b, clock, source, target, world } = await copying()
    t.equal(onlyDomain(a).state, 'suspended')
    await clock.advance(60_000)
    t.match(onlyDomain(a), { name: 'vm1', state: 'paused' })
    t.match(onlyDomain(b), { name: 'vm1--incoming', state: 'paused', building: false })
    t.match(
      [source.streamSent, source.xlExited, source.goRead, source.broken],
      [true, true, false, undefined],
    )
    t.equal(source.progress().dirtiedPages, 0)
    source.giveReady()
    t.equal(source.goRead, true)
    t.equal(target.readyRead, true)
    source.closePipes()
    await clock.advance(1_000)
    t.equal(onlyDomain(a).state, 'paused', 'nobody resumes it any more')
    world.end()
    t.equal(world.disks.bad, 0)
  },
)

void t.test('pipes closed in the stream: resumed, broken; the copy is destroyed', async t => {
  const { a, b, clock, source } = await copying()
  source.closePipes()
  await clock.advance(1_000)
  t.equal(onlyDomain(a).state, 'running')
  t.equal(b.domains.size, 0)
  t.ok(source.xlExited && !source.goRead)
})

void t.test('killed in the stream: the guest stays suspended', async t => {
  const { a, clock, source } = await copying()
  source.kill()
  await clock.advance(60_000)
  t.equal(onlyDomain(a).state, 'suspended')
})

void t.test('fails behind the last page: resumed, and never goRead', async t => {
  const { a, clock, source } = await copying({ source: { saveFails: true } })
  source.giveReady()
  await clock.advance(60_000)
  t.equal(onlyDomain(a).state, 'running')
  t.match([source.streamSent, source.goRead], [true, false])
  t.match(source.broken, /behind the last page/)
})

void t.test('a guest that is deaf: xl gives up after a minute; it may follow later', async t => {
  const { a, clock, source } = await copying({ source: { guestDeaf: true, suspendsLateMs: 5_000 } })
  t.equal(onlyDomain(a).state, 'running')
  await clock.advance(59_000)
  t.ok(source.xlExited && source.broken !== undefined)
  await clock.advance(10_000)
  t.equal(onlyDomain(a).state, 'suspended')
})
