// Another host asks for a VM that it never had, or at an epoch that nobody handed out: what it gets binds nobody for ever.
import t from 'tap'
import { certify, certifyBoot, MAX_EPOCH, newSigner, signBoot } from '@heliotrope/shared'
import type {
  BootId,
  BootStanding,
  Grant,
  HostCertificateKind,
  OwnerProof,
  Signer,
  VmId,
  YieldRequest,
} from '@heliotrope/shared'
import { BootHosts } from './support/asking-hosts.js'
import type { BootHost } from './support/asking-hosts.js'
import { MOVE, vm as config } from './support/mover-fixture.js'

const vm = config.uuid
const side = (host: BootHost) => ({ host: host.id, key: host.signer.fingerprint, bootId: host.bootId })

function request(
  from: BootHost,
  to: BootHost,
  epoch: number,
  proof?: OwnerProof,
  of: VmId = vm,
): YieldRequest {
  const body = {
    ...{ kind: 'yield-request' as const, vm: of, epoch, by: from.id, bootId: from.bootId, to: to.id, at: 1 },
    earlier: Array.from({ length: 500 }, (_, i) => `${i}`.padStart(36, '0')),
  }
  return { ...signBoot(from.signer, body), ...(proof && { proof }) }
}

const grantFor = (signer: Signer, from: BootHost, to: BootHost, epoch: number): Grant =>
  certify(signer, {
    ...{ kind: 'grant' as const, move: MOVE, vm, epoch, config, startBefore: 1, at: 1 },
    ...{ from: side(from), to: side(to) },
  })

const word = (by: BootHost, kind: HostCertificateKind, epoch: number) =>
  certify(by.signer, { kind, move: MOVE, vm, epoch, by: by.id, bootId: by.bootId, at: 1 })

/** a asks, b answers, c is a party of moves. */
function hosts() {
  const world = new BootHosts()
  const [a, b, c] = [world.host('a'), world.host('b'), world.host('c')]
  for (const host of [a, b, c])
    host.orders({ peers: [a, b, c].filter(one => one !== host).map(one => one.peer()) })
  return { world, a, b, c }
}

t.test('an epoch that no statement proves binds nobody: later grants are taken', async t => {
  for (const epoch of [1, 7, MAX_EPOCH - 8, MAX_EPOCH]) {
    const { world, a, b } = hosts()
    await t.rejects(b.peerYields.answer(request(a, b, epoch)), { code: 'unauthorised' }, `${epoch}`)
    t.equal(b.epochs.floor(vm), 0)
    await world.boot(b, world.grant(b, 4, [{ host: a.id, bootId: 'a-9' }]))
    t.equal(b.creates, 1)
  }
})

t.test('what proves an epoch, and what does not', async t => {
  const { world, a, b, c } = hosts()
  const { coordinator } = world
  const grant = grantFor(coordinator, c, a, 4)
  const release = word(c, 'release', 5)
  const boot = (to: BootHost, signer = coordinator) =>
    certifyBoot(signer, {
      ...{ kind: 'boot' as const, boot: 'b'.padStart(26, '0') as BootId, vm, epoch: 12, to: side(to) },
      ...{ config, evidence: [], at: 1 },
    })
  const cases: [string, boolean, number, OwnerProof | undefined][] = [
    ['the grant of a move to it, alone', false, 5, { grant }],
    ['with the Release of the source', true, 5, { grant, certificates: [release] }],
    ['one more than that', false, 6, { grant, certificates: [release] }],
    ['with a Release that it signed itself', false, 5, { grant, certificates: [word(a, 'release', 5)] }],
    [
      'a grant that it signed itself',
      false,
      5,
      { grant: grantFor(a.signer, c, a, 4), certificates: [release] },
    ],
    ['the grant of a move from it', true, 4, { grant: grantFor(coordinator, a, c, 4) }],
    [
      'with its word that it took it back',
      true,
      6,
      { grant: grantFor(coordinator, a, c, 4), certificates: [word(a, 'reclaimed', 6)] },
    ],
    ['the grant of a move between others', false, 4, { grant: grantFor(coordinator, c, b, 4) }],
    ['the grant of a boot', true, 12, { boot: boot(a) }],
    ['the grant of a boot elsewhere', false, 12, { boot: boot(c) }],
    ['the grant of a boot that a stranger signed', false, 12, { boot: boot(a, newSigner()) }],
  ]
  for (const [name, good, epoch, proof] of cases) {
    const fresh = world.host('b')
    fresh.orders({ peers: [a.peer()] })
    const asked = fresh.peerYields.answer(request(a, fresh, epoch, proof))
    if (good) t.match(await asked, { body: { kind: 'yielded', epoch } }, name)
    else await t.rejects(asked, { code: 'unauthorised' }, name)
  }
})

t.test('who took it over in that very move does not believe that its source took it back', async t => {
  const { world, a, b } = hosts()
  const grant = grantFor(world.coordinator, a, b, 4)
  const stream = `target/${MOVE}`
  b.journal.append(stream, 'ORDERED', { order: { role: 'target', grant } })
  b.journal.append(stream, 'ACCEPT', { certificate: word(a, 'release', 5) })
  b.journal.append(stream, 'RUNNING', { epoch: 5 })
  b.journal.append(stream, 'CLEAN', {})
  await t.rejects(b.peerYields.answer(request(a, b, 6, { grant, certificates: [word(a, 'reclaimed', 6)] })), {
    code: 'superseded',
  })
})

t.test('a host with a session refers to the coordinator, and one that does not know, too', async t => {
  const { world, a, b } = hosts()
  b.coordinatorGone = false
  await t.rejects(b.peerYields.answer(request(a, b, 0)), { message: /coordinator/ })
  t.same(b.kinds('yield/'), [])
  b.coordinatorGone = true
  await b.peerYields.answer(request(a, b, 0))
  t.same(b.kinds('yield/'), ['YIELD'])
  await world.clock.advance(1)
})

t.test('a peer has a budget, and a yield takes little room', async t => {
  const { world, a, b, c } = hosts()
  const size = (): number =>
    b.journal.scan(1, 100_000).reduce((sum, record) => sum + JSON.stringify(record).length, 0)
  const before = size()
  let given = 0
  for (let i = 0; i < 1_000; i++) {
    const other = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}` as VmId
    await b.peerYields.answer(request(a, b, 0, undefined, other)).then(
      () => given++,
      () => {},
    )
  }
  t.ok(given >= 200 && given <= 300, `${given} an hour`)
  t.ok(size() - before < 1024 * 1024, `${size() - before} bytes`)
  await b.peerYields.answer(request(c, b, 0))
  await t.rejects(b.peerYields.answer(request(a, b, 0, undefined, 'f'.repeat(36) as VmId)), {
    message: /hour/,
  })
  await world.clock.advance(3_600_000)
  await b.peerYields.answer(request(a, b, 0, undefined, '00000000-0000-4000-8000-0000000fffff' as VmId))
})

t.test(
  'an operator’s order lifts what was yielded when the boot that it was yielded to is over, and not before',
  async t => {
    const { world, a, b } = hosts()
    const lift = (boots: Partial<BootStanding>[], epoch = 12) =>
      b.boots.handlers['vm.lift'](
        {
          ...{ lift: 'c'.padStart(26, '0') as BootId, vm, epoch },
          boots: boots.map(one => ({ host: a.id, what: 'operator', bootId: '', text: '', at: 1, ...one })),
        },
        {} as never,
      )
    await b.peerYields.answer(request(a, b, 4, { boot: world.grant(a, 4, []) }))
    const stale = '499'.padStart(36, '0')
    const early: [string, Partial<BootStanding>[]][] = [
      ['no word about it', []],
      ['about another host', [{ host: 'z' as never, bootId: a.bootId }]],
      ['of an earlier boot', [{ bootId: stale }]],
      ['it speaks in that boot', [{ what: 'speaks', bootId: a.bootId }]],
      ['never heard of', [{ bootId: '' }]],
    ]
    for (const [name, boots] of early) await t.rejects(lift(boots), { code: 'superseded' }, name)
    t.equal(b.epochs.floor(vm), 4, 'nothing is lifted')
    await lift([{ what: 'speaks', bootId: 'a-2' }])
    const head = b.journal.head().seq
    await lift([{ what: 'speaks', bootId: 'a-2' }])
    t.equal(b.journal.head().seq, head, 'done once')
    t.equal(b.epochs.floor(vm), 12, 'what was handed out before is void')
    t.same(b.lost(), [])
    await t.rejects(world.boot(b, world.grant(b, 8, [])), { code: 'superseded' })
    await world.boot(b, world.grant(b, 16, []))
    t.equal(b.creates, 1)
  },
)

t.test('a floor from before, at the end of all numbers, is lifted, too', async t => {
  const { world, a, b } = hosts()
  const body = { vm, epoch: MAX_EPOCH, to: a.id, toBoot: 'a-1', earlier: [] }
  b.journal.append(`yield/${vm}/${a.id}/a-1`, 'YIELD', body)
  await t.rejects(world.boot(b, world.grant(b, 8, [])), { code: 'superseded' })
  const boots = [{ host: a.id, what: 'power-off' as const, bootId: 'a-1', text: 'off', at: 1 }]
  await b.boots.handlers['vm.lift'](
    { lift: 'd'.padStart(26, '0') as BootId, vm, epoch: 8, boots },
    {} as never,
  )
  await world.boot(b, world.grant(b, 12, []))
  t.equal(b.creates, 1)
  t.equal(world.host('b', 'b-1', b).epochs.floor(vm), 12, 'and for an agent that starts anew')
})
