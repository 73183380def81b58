import t from 'tap'
import { simHypervisor, simStorage } from '@heliotrope/simulator'
import { onlyDomain, smallWorld, untilReady, VM, xlPair } from './small-world.js'

void t.test('the handshake: precopy, suspend, READY, GO, report', async t => {
  const pair = xlPair()
  const { a, b, clock, source, target, world } = pair
  target.start()
  await clock.advance(1_000)
  t.equal(target.bannerRead, true)
  source.start(onlyDomain(a).domid)
  await clock.advance(5_000)
  t.equal(onlyDomain(a).state, 'running', 'precopy does not stop the guest')
  t.match(onlyDomain(b), { name: 'vm1--incoming', state: 'paused', building: true })
  const half = source.progress()
  t.ok(half.bytes > 0 && half.remainingPages > 0 && half.round === 0)
  t.equal(a.transfers + b.transfers, 2, 'both hosts draw more')
  await clock.advance(60_000)
  t.match(onlyDomain(a), { name: 'vm1', state: 'suspended' })
  t.match([source.streamSent, target.readyRead, source.goRead], [true, true, false])
  t.ok(source.progress().dirtiedPages > 0)
  t.equal(a.transfers + b.transfers, 0)
  source.giveReady()
  await clock.advance(1_000)
  t.match(onlyDomain(a), { name: 'vm1--migratedaway', state: 'suspended' })
  t.equal(source.goRead, true)
  target.closeStdout()
  target.feedGo()
  await clock.advance(1_000)
  t.match(onlyDomain(b), { name: 'vm1', state: 'running' })
  t.equal(target.xlExited, true)
  source.giveReport()
  await clock.advance(1_000)
  t.equal(a.domains.size, 0)
  t.equal(source.xlExited, true)
  t.match([a.xls.size, b.xls.size], [0, 0])
  world.end()
  t.equal(world.disks.bad, 0)
  t.match([world.watchdog.doubled, world.watchdog.lost], [0, 0])
  t.ok(world.watchdog.longestStillMs > 400)
})

void t.test('W1: pipes closed in precopy: the guest runs on, the copy is destroyed', async t => {
  const { a, b, clock, source, target } = xlPair()
  target.start()
  await clock.advance(1_000)
  source.start(onlyDomain(a).domid)
  await clock.advance(2_000)
  source.closePipes()
  await clock.advance(1_000)
  t.equal(onlyDomain(a).state, 'running')
  t.equal(b.domains.size, 0)
  t.equal(target.broken, 'the source closed the stream')
  t.ok(source.xlExited && target.xlExited)
})

void t.test('W1: source xl killed in precopy: the guest runs on', async t => {
  const { a, clock, source, target } = xlPair()
  target.start()
  await clock.advance(1_000)
  source.start(onlyDomain(a).domid)
  await clock.advance(2_000)
  source.kill()
  await clock.advance(60_000)
  t.equal(onlyDomain(a).state, 'running')
  t.equal(source.streamSent, false)
  t.equal(a.transfers, 0)
})

void t.test(
  'W2: a deaf guest: xl gives up after 60 s and does not resume; the guest may suspend late',
  async t => {
    const pair = xlPair({ source: { guestDeaf: true, suspendsLateMs: 1000 } })
    await untilReady(pair)
    await pair.clock.advance(30_000)
    t.equal(pair.source.xlExited, true)
    t.equal(onlyDomain(pair.a).state, 'suspended', 'suspended late, nobody resumes it')
  },
)

void t.test('W3: killed while suspended: suspended under its own name, for ever', async t => {
  const pair = xlPair()
  await untilReady(pair)
  pair.source.kill()
  await pair.clock.advance(600_000)
  t.match(onlyDomain(pair.a), { name: 'vm1', state: 'suspended' })
  const hypervisor = simHypervisor(pair.world, pair.a)
  await hypervisor.unpause(onlyDomain(pair.a).domid)
  t.equal(onlyDomain(pair.a).state, 'suspended', 'xl unpause does not resume')
  pair.world.tick()
  pair.world.tick()
  t.equal(pair.world.watchdog.lost, 1, 'the watchdog sees a VM that nobody runs')
  await hypervisor.resume(onlyDomain(pair.a).domid)
  t.equal(onlyDomain(pair.a).state, 'running')
})

void t.test(
  'W4, W5: EOF instead of READY: xl resumes; the copy stays only if nobody reads its report',
  async t => {
    for (const stdoutClosed of [true, false]) {
      const pair = xlPair()
      await untilReady(pair)
      if (stdoutClosed) pair.target.closeStdout()
      pair.source.closePipes()
      pair.target.closePipes()
      await pair.clock.advance(1_000)
      t.match(onlyDomain(pair.a), { name: 'vm1', state: 'running' })
      t.equal(pair.b.domains.size, stdoutClosed ? 1 : 0)
      if (stdoutClosed) t.match(onlyDomain(pair.b), { name: 'vm1--incoming', state: 'paused' })
      t.ok(pair.source.xlExited && pair.target.xlExited)
    }
  },
)

void t.test('W6: rename fails: xl resumes and exits', async t => {
  const pair = xlPair({ source: { renameFails: true } })
  await untilReady(pair)
  pair.source.giveReady()
  await pair.clock.advance(1_000)
  t.match(onlyDomain(pair.a), { name: 'vm1', state: 'running' })
  t.match([pair.source.goRead, pair.source.xlExited], [false, true])
})

void t.test('W6, W7, W8: after the rename xl never resumes by itself', async t => {
  for (const wait of [0, 1_000]) {
    const pair = xlPair()
    await untilReady(pair)
    pair.source.giveReady()
    await pair.clock.advance(wait)
    pair.source.closePipes()
    await pair.clock.advance(1_000)
    t.match(onlyDomain(pair.a), { name: 'vm1--migratedaway', state: 'suspended' })
    t.equal(pair.source.goRead, wait > 0)
    t.equal(pair.source.xlExited, true)
  }
})

void t.test('unpause fails: destroyed while somebody reads the report, else left paused', async t => {
  for (const stdoutClosed of [true, false]) {
    const pair = xlPair({ target: { unpauseFails: true } })
    await untilReady(pair)
    if (stdoutClosed) pair.target.closeStdout()
    pair.target.feedGo()
    await pair.clock.advance(1_000)
    t.equal(pair.b.domains.size, stdoutClosed ? 1 : 0)
    t.equal(pair.target.xlExited, true)
  }
})

void t.test(
  'a name that is taken, and memory that is not there, end the receive before bytes are kept',
  async t => {
    const pair = xlPair({}, {})
    const { b, clock, source, target, world } = pair
    world.add(
      b,
      { ...structuredClone(onlyDomain(pair.a)), domid: b.newDomid(), name: 'vm1--incoming', state: 'paused' },
      'left over',
    )
    target.start()
    await clock.advance(1_000)
    source.start(onlyDomain(pair.a).domid)
    await clock.advance(1_000)
    t.equal(target.xlExited, true)
    t.equal(b.domains.size, 1)
  },
)

void t.test('a cut line: nothing moves, nobody says so, and it goes on when it heals', async t => {
  const pair = xlPair()
  pair.target.start()
  await pair.clock.advance(1_000)
  pair.source.start(onlyDomain(pair.a).domid)
  await pair.clock.advance(2_000)
  pair.network.cut(pair.a.spec.id, pair.b.spec.id, true)
  await pair.clock.advance(2_000)
  const { bytes } = pair.source.progress()
  await pair.clock.advance(60_000)
  t.equal(pair.source.progress().bytes, bytes)
  t.match([pair.source.broken, pair.target.broken, pair.source.xlExited], [undefined, undefined, false])
  pair.network.cut(pair.a.spec.id, pair.b.spec.id, false)
  await pair.clock.advance(60_000)
  t.equal(pair.target.readyRead, true)
})

void t.test('what the watchdog and the disks are for: running both copies shows', async t => {
  const pair = xlPair()
  await untilReady(pair)
  pair.target.feedGo()
  await pair.clock.advance(1_000)
  t.equal(onlyDomain(pair.b).state, 'running')
  t.equal(pair.world.disks.bad, 0)
  await simHypervisor(pair.world, pair.a).resume(onlyDomain(pair.a).domid)
  t.ok(pair.world.watchdog.doubled > 0)
  t.equal(pair.world.disks.faults.below, 1, 'old memory wrote on a newer disk')
  pair.world.tick()
  t.equal(pair.world.disks.faults.twoWriters, 1)
  t.ok(pair.world.disks.faults.torn > 0)
})

void t.test('the storage: only what the host may reach, and never away under a domain', async t => {
  const { world, a, b } = smallWorld()
  const { config } = onlyDomain(a)
  const [disk, vm] = [config.disks[0]!, config.uuid]
  const [there, here] = [simStorage(world, b), simStorage(world, a)]
  t.equal(await there.attached(disk), false)
  await there.attach(disk, vm)
  await there.attach(disk, vm)
  t.equal(await there.attached(disk), true)
  await there.detach(disk)
  await there.detach(disk)
  t.equal(await there.attached(disk), false)
  await t.rejects(here.detach(disk), { code: 'conflict' })
  await t.rejects(there.attach({ ...disk, source: { kind: 'local', path: '/x' } }, vm), { code: 'refused' })
  await t.rejects(
    there.attach(
      { ...disk, source: { kind: 'iscsi', portal: '198.51.100.1:3260', iqn: 'iqn.x', lun: 0 } },
      vm,
    ),
    { code: 'refused' },
  )
})

void t.test('the hypervisor: by uuid, idempotent, and clear about what is not there', async t => {
  const { world, a } = smallWorld()
  const hypervisor = simHypervisor(world, a)
  const { domid } = onlyDomain(a)
  t.match(await hypervisor.find(VM), [{ domid, name: 'vm1', state: 'running' }])
  let calls = 0
  const watch = hypervisor.watch(() => calls++)
  await hypervisor.pause(domid)
  await hypervisor.pause(domid)
  t.equal(onlyDomain(a).state, 'paused')
  await hypervisor.unpause(domid)
  t.equal(calls, 2)
  watch.stop()
  await hypervisor.rename(domid, 'other')
  t.equal(calls, 2)
  const memory = (await hypervisor.facts()).freeMemoryMiB
  t.match(await hypervisor.inspect(domid), { config: { uuid: VM }, liveBlockers: [] })
  await hypervisor.destroy(domid)
  await hypervisor.destroy(domid)
  t.equal((await hypervisor.facts()).freeMemoryMiB, memory + 1024)
  await t.rejects(hypervisor.inspect(domid), { code: 'unknown' })
  await t.rejects(hypervisor.rename(domid, 'x'), { code: 'unknown' })
})
