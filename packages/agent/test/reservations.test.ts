/** The fence by persistent reservations: the driver on a target of SPC-4, and on one that forgets a session's registrations. */
import { openMemoryJournal, silentLog, VirtualClock } from '@heliotrope/shared'
import type { Disk, GrantBody } from '@heliotrope/shared'
import t from 'tap'
import { reservations } from '../src/drivers/storage/reservations/driver.js'
import { parseCapabilities, parseHolder, parseKeys } from '../src/drivers/storage/reservations/parse.js'
import { iscsiPath } from '../src/drivers/xen/disk-source.js'
import { fenceKey, MoveFence } from '../src/mover/move-fence.js'
import type { Storage } from '../src/ports.js'
import { MOVE, vm } from './support/mover-fixture.js'
import { SgTarget } from './support/sg-target.js'

const diskOf = (lun = 1): Disk => {
  const source = { kind: 'iscsi' as const, portal: '10.0.0.5:3260', iqn: 'iqn.2026-01.test:vm1', lun }
  return { vdev: `xvd${'abc'[lun]}`, path: iscsiPath(source), readonly: false, source }
}
const disk = diskOf()
const [A, B, C] = ['8aaaaaaaaaaaaaaa', '8bbbbbbbbbbbbbbb', '8ccccccccccccccc'] as const

/** A host's fence; `again` is another process on the same host. */
function host(target: SgTarget, name: string, use: 'auto' | 'pr' = 'auto') {
  const journal = openMemoryJournal(new VirtualClock())
  const again = () => reservations({ exec: target.execOf(name), log: silentLog, journal, use })
  return { ...again(), again }
}

t.test('what sg_persist prints', async t => {
  t.strictSame(
    parseKeys(
      '  PR generation=0x2, 2 registered reservation keys follow:\n    0x8b\n    0x8aaaaaaaaaaaaaaa\n',
    ),
    ['000000000000008b', A],
  )
  t.strictSame(parseKeys('  PR generation=0x0, there are NO registered reservation keys\n'), [])
  t.equal(
    parseHolder(`  PR generation=0x1, Reservation follows:\n    Key=0x${A}\n    scope: LU_SCOPE,  type: x\n`),
    A,
  )
  t.equal(parseHolder('  PR generation=0x1, there is NO reservation held\n'), undefined)
  t.strictSame(parseCapabilities('nothing'), { persistent: false, registrantsOnly: false })
})

t.test('used by itself only where the target keeps registrations', async t => {
  for (const persistent of [true, false]) {
    const target = new SgTarget({ persistent })
    t.equal(await host(target, 'a').kind(disk), persistent ? 'pr' : 'none')
    t.equal(await host(target, 'a', 'pr').kind(disk), 'pr')
  }
  t.equal(
    await host(new SgTarget(), 'a').kind({ ...disk, source: { kind: 'local', path: '/dev/vg/vm1' } }),
    'none',
  )
})

t.test('of two that evict each other the first has the disk', async t => {
  for (const first of ['a', 'b']) {
    const target = new SgTarget()
    const [a, b] = [host(target, 'a'), host(target, 'b')]
    await b.register(disk, B)
    await a.reserve(disk, A)
    t.ok(target.mayWrite('a') && target.mayWrite('b'))
    const over = { a: () => a.takeOver(disk, A, B), b: () => b.takeOver(disk, B, A) }
    const won = first === 'a' ? over.a : over.b
    const late = first === 'a' ? over.b : over.a
    t.equal(await won(), true)
    t.equal(await late(), false)
    t.equal(await won(), true, 'again')
    t.strictSame([target.mayWrite('a'), target.mayWrite('b')], [first === 'a', first === 'b'])
    t.strictSame(target.keys, [first === 'a' ? A : B])
  }
})

t.test('the disk is taken back under another key; an eviction by the old one comes too late', async t => {
  const target = new SgTarget()
  const [a, b] = [host(target, 'a'), host(target, 'b')]
  await b.register(disk, B)
  await a.reserve(disk, A)
  t.ok(await b.takeOver(disk, B, A))
  await a.takeBack(disk, C)
  await a.takeBack(disk, C)
  t.strictSame([target.keys, target.holder?.key], [[C], C])
  t.equal(await b.takeOver(disk, B, A), false)
  t.equal(target.mayWrite('b'), false)
})

t.test('a host does not push out another that keeps the disk, and gives up its own', async t => {
  const target = new SgTarget()
  const [a, b] = [host(target, 'a'), host(target, 'b')]
  await a.reserve(disk, A)
  await t.rejects(b.reserve(disk, B), { code: 'refused', message: new RegExp(A) })
  t.strictSame(target.keys, [A])
  await a.reserve(disk, C)
  t.strictSame([target.keys, target.holder?.key], [[C], C], 'its own of an earlier move is replaced')
  await b.release(disk)
  await a.again().release(disk)
  await a.release(disk)
  t.strictSame([target.keys, target.holder], [[], undefined])
  const runs = target.ran.length
  await a.release(disk)
  t.equal(target.ran.length, runs, 'nothing is noted, nothing is done')
})

t.test('a target that forgets: what an earlier session holds is taken along, and given up', async t => {
  const target = new SgTarget({ forgets: true })
  const [a, b] = [host(target, 'a', 'pr'), host(target, 'b', 'pr')]
  await a.reserve(disk, A)
  target.logsInAgain('a')
  t.equal(target.mayWrite('a'), false)
  await a.reserve(disk, C)
  t.strictSame([target.keys, target.mayWrite('a')], [[C], true])
  await b.register(disk, B)
  target.logsInAgain('b')
  await t.rejects(b.takeOver(disk, B, C), /still registered/, 'its key is there, and is not its own any more')
  t.ok(await a.takeOver(disk, C, B))
  t.equal(await b.takeOver(disk, B, C), false)
  target.logsInAgain('a')
  await a.release(disk)
  t.strictSame([target.keys, target.holder], [[], undefined])
})

t.test('a VM with two disks is decided at the first', async t => {
  const targets = [new SgTarget(), new SgTarget()]
  const side = (name: 'a' | 'b'): Storage => {
    const fences = targets.map(target => host(target, name))
    const of = (each: Disk) => fences[each.source.kind === 'iscsi' ? each.source.lun - 1 : 0]!
    return {
      attach: () => Promise.resolve(),
      detach: () => Promise.resolve(),
      attached: () => Promise.resolve(true),
      fence: {
        kind: each => of(each).kind(each),
        register: (each, key) => of(each).register(each, key),
        holds: (each, key) => of(each).holds(each, key),
        reserve: (each, key) => of(each).reserve(each, key),
        takeOver: (each, own, other) => of(each).takeOver(each, own, other),
        takeBack: (each, key) => of(each).takeBack(each, key),
        release: each => of(each).release(each),
      },
    }
  }
  const end = (name: string) => ({ host: name, key: 'k', bootId: 'boot' }) as GrantBody['from']
  const grant: GrantBody = {
    ...{
      kind: 'grant',
      move: MOVE,
      vm: vm.uuid,
      epoch: 4,
      from: end('a'),
      to: end('b'),
      startBefore: 0,
      at: 0,
    },
    config: { ...vm, disks: [diskOf(1), diskOf(2)] },
  }
  const [source, b] = [new MoveFence(side('a'), grant, 'source', silentLog), side('b')]
  const target = new MoveFence(b, grant, 'target', silentLog)
  t.equal(await source.prepareSource(), 'none', 'without a target that takes part there is no arbiter')
  t.equal(await target.prepareTarget(), 'pr')
  t.equal(await source.prepareSource(), 'pr')
  // It was killed after the first of its disks: whoever has that one wins them all.
  t.ok(
    await b.fence!.takeOver(
      diskOf(1),
      fenceKey(vm.uuid, grant.to.host, 5),
      fenceKey(vm.uuid, grant.from.host, 4),
    ),
  )
  t.equal(await source.takeOver(), 'lost')
  t.strictSame(
    targets.map(one => one.mayWrite('a')),
    [false, true],
    'the second is not touched',
  )
  t.equal(await target.takeOver(), 'ours')
  t.strictSame(
    targets.map(one => one.mayWrite('a')),
    [false, false],
  )
  t.equal(await source.takeBack(), 'ours')
  t.strictSame(
    targets.map(one => [one.mayWrite('a'), one.mayWrite('b')]),
    [
      [true, false],
      [true, false],
    ],
  )
})
