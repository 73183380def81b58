// A VM died with its host and the coordinator is gone: who starts it, who yields, and which later orders are void.
import t from 'tap'
import { newSigner, signBoot } from '@heliotrope/shared'
import type { YieldRequest, YieldRequestBody } from '@heliotrope/shared'
import { AFTER_MS, BootHosts } from './support/asking-hosts.js'
import type { BootHost } from './support/asking-hosts.js'
import { vm as config } from './support/mover-fixture.js'

const vm = config.uuid
const request = (
  from: BootHost,
  to: BootHost,
  change: Partial<YieldRequestBody> = {},
  signer = from.signer,
): YieldRequest => ({
  ...signBoot(signer, {
    kind: 'yield-request',
    ...{ vm, epoch: 5, by: from.id, bootId: from.bootId, earlier: ['a-1'], to: to.id, at: 1 },
    ...change,
  }),
  proof: from.proof(change.epoch ?? 5),
})

t.test('its owner asks, and starts it once, when the coordinator has been gone for long', async t => {
  const world = new BootHosts()
  const { a, b } = world.two()
  await world.alone(a, AFTER_MS - 20_000)
  t.same([world.asked.length, a.creates], [0, 0], 'not before')
  await world.alone(a)
  t.same([a.creates, a.domains.length], [1, 1])
  t.same(a.kinds('self/'), ['BOOT', 'BOOTED'])
  t.same(b.kinds('yield/'), ['YIELD'])
  t.match(b.journal.read(`yield/${vm}/a/a-2`)[0]?.body, { epoch: 5, toBoot: 'a-2', earlier: ['a-1'] })
  const yielded = b.journal.head().seq
  const started = a.journal.streams('self/', 'all')[0] as string
  t.match(a.journal.read(started)[0]?.body, { answers: [{ body: { kind: 'yielded', by: 'b' } }] })
  await b.peerYields.answer(request(a, b))
  t.equal(b.journal.head().seq, yielded, 'asked twice, journalled once')
  a.domains.splice(0)
  await world.alone(a)
  t.equal(a.creates, 1, 'once in a boot, whatever became of it')
})

t.test('it waits, and says why', async t => {
  const waits = async (why: RegExp, change: (a: BootHost, b: BootHost) => void) => {
    const world = new BootHosts()
    const { a, b } = world.two()
    change(a, b)
    await world.alone(a)
    t.equal(a.creates, 0, why.source)
    t.match(a.why(), why)
    t.same(a.kinds('self/'), [])
    await a.self.look(true, a.lost())
    t.same(a.self.alarms(), [], 'the coordinator is back, and sees to it')
  }
  await waits(/b has not yielded it: .*is here, as domain 7, running/, (_, b) => b.runs())
  await waits(/b has not yielded it: no answer/, (_, b) => (b.reachable = false))
  await waits(/holds epoch 6/, (_, b) => b.owns(6, 'b-1'))
  await waits(/yielded it to epoch 9/, (_, b) => b.journal.append('yield/x', 'YIELD', { vm, epoch: 9 }))
  await waits(/saw it run at epoch 5/, (_, b) => b.saw('b-0', 5))
  await waits(/move m of it is still open here/, (_, b) => (b.openMoves = [{ holdsVm: true, epoch: 4 }]))
  await waits(/move m of it is still open here/, a => (a.openMoves = [{ holdsVm: true, epoch: 4 }]))
  await waits(/its boot policy is manual/, a => a.orders({ policy: 'manual' }))
  await waits(/its boot policy is manual/, a => a.orders({ policy: 'auto', except: [config.name] }))
  await waits(/c has not yielded/, (a, b) =>
    a.orders({ peers: [b.peer(), { ...b.peer(), host: 'c' as never }] }),
  )
  await waits(/its guest may have ended/, a =>
    a.journal.append(`vm/${vm}`, 'VANISHED', { bootId: 'a-1', epoch: 5, name: 'web', config }),
  )
})

t.test(
  'nothing is started by a host that was never told what is wanted, nor where it is switched off',
  async t => {
    const world = new BootHosts()
    const untold = world.host('a', 'a-2', world.host('a').saw('a-1'))
    await world.alone(untold)
    t.match(untold.why(), /never said/)
    const off = world.host('c', 'c-2', world.host('c').saw('c-1'), 0).orders({})
    await world.alone(off)
    t.same([off.creates, off.why()], [0, ''])
    const only = world.host('d', 'd-2', world.host('d').saw('d-1')).orders({ peers: [] })
    await world.alone(only)
    t.equal(only.creates, 1, 'the only host there is has nobody to ask')
  },
)

t.test('a host yields only what it does not own, to who owned it', async t => {
  const world = new BootHosts()
  const { a, b } = world.two()
  await t.rejects(b.peerYields.answer(request(a, b, { epoch: 5 }, newSigner())), { code: 'unauthorised' })
  await t.rejects(b.peerYields.answer(request(a, b, { by: 'x' as never })), { code: 'unauthorised' })
  await t.rejects(b.peerYields.answer(request(a, b, { to: 'x' as never })), { code: 'unauthorised' })
  b.owns(7, 'b-1')
  await t.rejects(b.peerYields.answer(request(a, b, { epoch: 7 })), { code: 'superseded' })
  await b.peerYields.answer(request(a, b, { epoch: 8 }))
  t.equal(b.epochs.floor(vm), 8, 'all below is void')
  t.same(b.lost(), [], 'and it claims nothing')
  const third = request(a, b, { epoch: 8, bootId: 'a-3', earlier: ['a-1', 'a-2'] })
  await b.peerYields.answer(third)
  await t.rejects(b.peerYields.answer(request(a, b, { epoch: 8 })), { message: /booted since/ })
  b.journal.append('trust', 'REVOKED', { host: 'a', key: a.signer.fingerprint })
  await t.rejects(b.peerYields.answer(third), { message: /revoked/ })
})

t.test('where nothing was ever granted both hold epoch 0: who saw it run yields nothing', async t => {
  const world = new BootHosts()
  const b = world.host('b')
  const a = world.host('a', 'a-2', world.host('a').saw('a-1')).orders({ peers: [b.peer()] })
  b.orders({ peers: [a.peer()] })
  await b.peerYields.answer(request(a, b, { epoch: 0 }))
  const c = world
    .host('c')
    .saw('c-0')
    .orders({ peers: [a.peer()] })
  await t.rejects(c.peerYields.answer(request(a, c, { epoch: 0 })), { code: 'superseded' })
})

t.test('a grant that comes after its own start is void in that boot, unless a move began since', async t => {
  const world = new BootHosts()
  const { a, b } = world.two()
  await world.alone(a)
  a.domains.splice(0)
  const word = [{ host: b.id, bootId: b.bootId }]
  await t.rejects(world.boot(a, world.grant(a, 9, word)), { message: /by itself in this boot/ })
  a.journal.append('source/m', 'ORDERED', { order: { grant: { body: { vm, epoch: 12, config } } } })
  await world.boot(a, world.grant(a, 16, word))
  t.equal(a.creates, 2)
})

t.test('after it has yielded, a host takes no grant that rests on an earlier boot of the other', async t => {
  const world = new BootHosts()
  const { a, b } = world.two()
  await world.alone(a)
  const about = (bootId: string) => world.boot(b, world.grant(b, 9, [{ host: a.id, bootId }]))
  await t.rejects(about('a-1'), { message: /rests on its earlier boot a-1/ })
  await t.rejects(about(''), { code: 'superseded' })
  await t.rejects(world.boot(b, world.grant(b, 9, [])), { message: /no word about it/ })
  t.equal(b.creates, 0)
  await about('a-2')
  t.equal(b.creates, 1)
})

t.test('an order to yield waits for a start that has begun, and finds it running', async t => {
  const world = new BootHosts()
  const { a } = world.two()
  let order: Promise<unknown> = Promise.resolve()
  a.creating = async () => {
    order = a.boots.handlers['vm.yield']({ boot: 'f' as never, vm, epoch: 9 }, {} as never)
    order.catch(() => {})
  }
  await world.alone(a)
  await t.rejects(order, { code: 'conflict' })
  t.equal(a.domains.length, 1)
})

t.test('the coordinator comes back while it asks: nothing is started', async t => {
  const world = new BootHosts()
  const { a } = world.two()
  const ask = world.ask.bind(world)
  world.ask = async (peer, asked) => {
    void a.self.look(true, a.lost())
    return ask(peer, asked)
  }
  await world.alone(a)
  t.ok(world.asked.length > 0)
  t.equal(a.creates, 0)
})

t.test('an agent that died in the middle of a start ends it, whoever is there', async t => {
  const begun = async (then: (a: BootHost) => void, bootId = 'a-2') => {
    const world = new BootHosts()
    const { a } = world.two()
    const boot = { vm, epoch: 5, bootId: 'a-2', config, answers: [] }
    a.journal.append(`self/${vm}/a-2/0`, 'BOOT', boot)
    then(a)
    const again = world.host('a', bootId, a)
    if (a.domains.length > 0) again.runs()
    const looked = again.self.look(true, again.lost())
    await world.clock.advance(20_000)
    await looked
    return { creates: again.creates, kinds: again.kinds('self/') }
  }
  t.same(await begun(() => {}), { creates: 1, kinds: ['BOOT', 'BOOTED'] })
  t.same(await begun(a => a.runs()), { creates: 0, kinds: ['BOOT', 'BOOTED'] })
  t.same(await begun(a => a.saw('a-2', 5)), { creates: 0, kinds: ['BOOT', 'BOOTED'] }, 'it ran, and ended')
  t.same(
    await begun(a => a.journal.append('yield/x', 'YIELD', { vm, epoch: 9 })),
    { creates: 0, kinds: ['BOOT', 'FAILED'] },
    'it has yielded since',
  )
  t.same(await begun(() => {}, 'a-3'), { creates: 0, kinds: ['BOOT', 'FAILED'] }, 'the host went down')
})
