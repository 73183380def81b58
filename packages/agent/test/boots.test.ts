// A cold boot at the host that is asked for it (model/boot.pml): which grants start nothing, what is in the journal before
// a VM is made, that a grant starts it once, and what a host promises when it yields.
import { hostId, newSigner } from '@heliotrope/shared'
import type { BootGrant, BootId } from '@heliotrope/shared'
import t from 'tap'
import { lostHere } from '../src/execute/vm-history.js'
import { BOOT, bootHost, MOVE } from './support/boot-host.js'
import { WEB } from './support/small-host.js'

type Host = ReturnType<typeof bootHost>
const BOOT2 = 'b00700000000000000000000b2' as BootId

const refused: [string, string, RegExp, (host: Host) => BootGrant | Promise<BootGrant>][] = [
  ['no signature', 'unauthorised', /not signed/, host => ({ ...host.grant(), signature: '' })],
  ['signed by another host', 'unauthorised', /not signed/, host => host.grant({}, host.other)],
  ['signed by a stranger', 'unauthorised', /not signed/, host => host.grant({}, newSigner())],
  [
    'changed after it was signed',
    'unauthorised',
    /not signed/,
    host => ({ ...host.grant(), body: { ...host.grant().body, epoch: 12 } }),
  ],
  [
    'for another host',
    'unauthorised',
    /granted to b1/,
    host => host.grant({ to: { ...host.side, host: hostId('b1') } }),
  ],
  [
    'for a host of this name with another key',
    'unauthorised',
    /granted to a1/,
    host => host.grant({ to: { ...host.side, key: host.other.fingerprint } }),
  ],
  [
    'for an earlier boot of this host',
    'superseded',
    /booted since/,
    host => host.grant({ to: { ...host.side, bootId: 'boot-before' } }),
  ],
  [
    'the key of this host is revoked',
    'unauthorised',
    /key of this host is revoked/,
    async host => {
      const revoked = [{ host: host.side.host, key: host.own.fingerprint }]
      await host.trust({ revoked, coordinatorKeys: [host.coordinator.fingerprint] }, {} as never)
      return host.grant()
    },
  ],
  [
    'signed by a key that the coordinator has laid down',
    'unauthorised',
    /not signed/,
    async host => {
      await host.trust({ revoked: [], coordinatorKeys: [newSigner().fingerprint] }, {} as never)
      return host.grant()
    },
  ],
  [
    'the epoch that it has run the VM at',
    'superseded',
    /epoch 8.*holds 8/,
    host => {
      host.move('target', 7, ['RUNNING', { epoch: 8 }], ['CLEAN'], ['CLOSED'])
      return host.grant()
    },
  ],
  [
    'an epoch below that which it has yielded to',
    'superseded',
    /epoch 8.*holds 12/,
    async host => {
      await host.yield(12, BOOT2)
      return host.grant()
    },
  ],
  [
    'the epoch of another boot here',
    'superseded',
    /epoch 8.*holds 8/,
    host => {
      host.journal.append(`boot/${BOOT2}`, 'BOOT', { grant: host.grant({ boot: BOOT2 }) })
      return host.grant()
    },
  ],
  [
    'it runs here',
    'conflict',
    /web-1 is here already/,
    host => {
      host.host.runs()
      return host.grant()
    },
  ],
  [
    'it stands here, and no move of ours holds it',
    'conflict',
    /web-1 is here already.*paused/,
    host => {
      host.host.stands()
      return host.grant()
    },
  ],
]
t.test('a grant that starts nothing, and leaves no trace', async t => {
  for (const [name, code, message, make] of refused) {
    const host = bootHost()
    const grant = await make(host)
    const before = host.journal.head().seq
    await t.rejects(host.boot(grant), { code, message }, name)
    t.same(host.host.acts, [], `${name}: nothing was done`)
    t.equal(host.journal.head().seq, before, `${name}: nothing was written`)
  }
})

t.test(
  'a good one: BOOT is in the journal before the VM is made, the disk is taken, BOOTED follows',
  async t => {
    const host = bootHost()
    t.same(await host.boot(host.grant()), { booted: true })
    t.same(host.host.acts, ['attach', 'take back', `create ${WEB} after BOOT`])
    t.same(host.kinds(`boot/${BOOT}`), ['BOOT', 'BOOTED'])
    t.equal(host.epochs.of(WEB), 8)
    t.match(host.histories.of(WEB), { part: { role: 'boot', epoch: 8, bootId: 'boot-here' } })
  },
)

t.test('a second copy of a grant starts nothing, now or ever', async t => {
  const host = bootHost()
  const grant = host.grant()
  await host.boot(grant)
  t.same(await host.boot(grant), { booted: true }, 'while it runs')
  host.xen.domains = []
  t.same(await host.boot(grant), { booted: true }, 'after its guest has ended')
  host.restart()
  t.same(await host.boot(grant), { booted: true }, 'to an agent that has started anew')
  t.equal(host.created().length, 1)
  t.same(host.kinds(`boot/${BOOT}`), ['BOOT', 'BOOTED'])
  await t.rejects(host.boot(host.grant({ boot: BOOT2 })), { code: 'superseded' }, 'nor another at its epoch')
  t.equal(host.created().length, 1)
})

t.test('the journal cannot be written: the VM is not made, and the grant is still good', async t => {
  for (const fault of ['EIO', 'ENOSPC'] as const) {
    const host = bootHost()
    host.journal.fault = (_stream, kind) => (kind === 'BOOT' ? fault : undefined)
    await t.rejects(host.boot(host.grant()), { code: 'journal-failed' }, fault)
    t.same(host.host.acts, ['attach'], 'no further step')
    t.same(host.kinds(`boot/${BOOT}`), [])
    host.journal.fault = () => undefined
    await host.boot(host.grant())
    t.same(host.created(), [`create ${WEB} after BOOT`])
  }
})

t.test(
  'a boot tells the moves of the VM here that they are superseded, and waits until they are clean',
  async t => {
    const host = bootHost()
    host.move('target', 3, ['PREPARED', { bootId: 'boot-here' }], ['READY'])
    const boot = host.boot(host.grant())
    await host.clock.advance(10_000)
    t.same(host.kinds(`inbox-target/${MOVE}`), ['SUPERSEDED'], 'the mover is told')
    t.same(host.host.acts, [], 'and nothing is done before it is clean')
    await t.rejects(host.ends(boot), { code: 'timeout', message: /move of .* has not ended/ })
    t.same(
      host.host.acts.filter(act => act !== 'detach'),
      [],
    )
    t.same(host.kinds(`boot/${BOOT}`), ['BOOT', 'FAILED'], 'whoever has given it up has it on its hands')
    const again = host.boot(host.grant({ boot: BOOT2, epoch: 12 }))
    await host.clock.advance(1_000)
    host.move('target', 3, ['SUPERSEDED'], ['CLEAN'])
    await host.ends(again)
    t.same(host.created().length, 1)
    t.same(host.kinds(`boot/${BOOT2}`), ['BOOT', 'BOOTED'])
    t.same(host.kinds(`inbox-target/${MOVE}`), ['SUPERSEDED'], 'once')
  },
)

t.test(
  'its storage is gone after a move was given up for it: the VM is lost here, not forgotten',
  async t => {
    const host = bootHost()
    host.move('source', 3, ['PREPARED', { bootId: 'boot-here' }], ['HANDOVER'], ['COMMIT'])
    host.host.attach = () => Promise.reject(new Error('no answer from the portal'))
    const boot = host.boot(host.grant())
    await host.clock.advance(1_000)
    t.same(host.kinds(`inbox-source/${MOVE}`), ['SUPERSEDED'])
    host.move('source', 3, ['SUPERSEDED'], ['CLEAN'])
    await t.rejects(host.ends(boot), { message: /no answer from the portal/ })
    t.same(host.kinds(`boot/${BOOT}`), ['BOOT', 'FAILED'])
    t.match(lostHere(WEB, host.histories.of(WEB), 'boot-here'), { vm: WEB, epoch: 8, certain: true })
  },
)

t.test('an agent that went down while a move was given up: it goes on with that', async t => {
  const host = bootHost()
  host.move('source', 3, ['PREPARED', { bootId: 'boot-here' }], ['COMMIT'])
  host.journal.append(`boot/${BOOT}`, 'BOOT', { grant: host.grant() })
  host.journal.append(`inbox-source/${MOVE}`, 'SUPERSEDED', { epoch: 8 })
  const again = host.boot(host.grant())
  await host.clock.advance(1_000)
  t.same(host.created(), [], 'not before the move is clean')
  host.move('source', 3, ['SUPERSEDED'], ['CLEAN'])
  t.same(await host.ends(again), { booted: true })
  t.same(host.kinds(`inbox-source/${MOVE}`), ['SUPERSEDED'], 'once')
})

t.test('one that failed is not started again by the same grant; a new one may', async t => {
  const fails: [string, (host: Host) => void, RegExp][] = [
    ['not made', ({ host }) => (host.create = () => Promise.reject(new Error('no kernel'))), /no kernel/],
    ['gone at once', ({ host }) => (host.create = async () => {}), /not here after its start/],
    ['half a domain', ({ host }) => (host.create = async () => host.stands()), /is paused, not running/],
  ]
  for (const [name, breaks, message] of fails) {
    const host = bootHost()
    const good = host.host.create
    breaks(host)
    await t.rejects(host.ends(host.boot(host.grant())), { message }, name)
    t.same(host.kinds(`boot/${BOOT}`), ['BOOT', 'FAILED'])
    t.same(host.xen.domains, [], `${name}: nothing is left of it`)
    t.equal(host.host.acts.at(-1), 'detach')
    host.host.create = good
    host.restart()
    await t.rejects(host.boot(host.grant()), { code: 'refused', message }, `${name}: the same answer`)
    t.equal(host.created().length, 1)
    await host.boot(host.grant({ boot: BOOT2, epoch: 12 }))
    t.equal(host.created().length, 2)
  }
})

t.test('an agent that went down in between: it looks, and makes it only if it is not there', async t => {
  const before = bootHost()
  before.journal.append(`boot/${BOOT}`, 'BOOT', { grant: before.grant() })
  await before.ends(before.boot(before.grant()))
  t.equal(before.created().length, 1, 'down before it was made')
  t.same(before.kinds(`boot/${BOOT}`), ['BOOT', 'BOOTED'])
  const after = bootHost()
  after.journal.append(`boot/${BOOT}`, 'BOOT', { grant: after.grant() })
  after.host.runs()
  t.same(await after.boot(after.grant()), { booted: true })
  t.same(after.host.acts, [], 'down after it was made')
})

t.test('an agent that went down while xl made the domain: nobody makes a second one', async t => {
  const host = bootHost()
  const grant = host.grant()
  host.journal.append(`boot/${BOOT}`, 'BOOT', { grant })
  host.host.atWork = true
  host.restart()
  const started = host.boot(grant)
  await host.clock.advance(20_000)
  t.same(host.created(), [], 'xl of the agent before is still at work')
  host.host.runs()
  host.host.atWork = false
  t.same(await host.ends(started), { booted: true })
  t.same(host.created(), [])

  const again = bootHost()
  const second = again.grant()
  again.journal.append(`boot/${BOOT}`, 'BOOT', { grant: second })
  again.host.atWork = true
  const retried = again.boot(second)
  await again.clock.advance(5_000)
  again.host.atWork = false
  t.same(await again.ends(retried), { booted: true }, 'it had failed: then it is made')
  t.equal(again.created().length, 1)
})

t.test('a guest that reboots as soon as it runs: nobody takes that for its end', async t => {
  const host = bootHost()
  host.host.create = async () => {}
  const started = host.boot(host.grant())
  await host.clock.advance(3_000)
  host.host.runs()
  t.same(await host.ends(started), { booted: true })
  t.equal(host.created().length, 1)
  t.notOk(host.host.acts.includes('detach'))
})

t.test('its host died the moment it ran: it is made from what the move had brought', async t => {
  const host = bootHost()
  const made = { b_info: { kernel: '/boot/vmlinuz' } }
  host.move('target', 3, ['PREPARED', { bootId: 'boot-before' }], ['READY', { made }], ['ACCEPT'], ['GO'])
  host.move('target', 3, ['RUNNING', { epoch: 4 }], ['CLEAN'], ['CLOSED'])
  t.same(await host.boot(host.grant()), { booted: true })
  t.same(host.host.made, [made])
})

t.test('yield: what is promised is in the journal before the answer', async t => {
  const host = bootHost()
  t.same(await host.yield(8), { yielded: true, bootId: 'boot-here' })
  t.match(host.journal.read(`yield/${BOOT}`), [{ kind: 'YIELD', body: { vm: WEB, epoch: 8 } }])
  t.equal(host.epochs.floor(WEB), 8)
  t.equal(host.epochs.of(WEB), 0, 'it does not own the VM for that')
  const { seq } = host.journal.head()
  t.same(await host.yield(8), { yielded: true, bootId: 'boot-here' }, 'asked again')
  t.equal(host.journal.head().seq, seq)

  const full = bootHost()
  full.journal.fault = () => 'ENOSPC'
  await t.rejects(full.yield(8), { code: 'journal-failed' })
  t.equal(full.epochs.floor(WEB), 0)
})

t.test(
  'yield: refused by a host that runs the VM, and by one that owns it at that epoch or above',
  async t => {
    const runs = bootHost()
    runs.host.runs()
    await t.rejects(runs.yield(8), { code: 'conflict', message: /web-1 is here already/ })
    const ran = bootHost()
    ran.move('target', 7, ['RUNNING', { epoch: 8 }], ['CLEAN'], ['CLOSED'])
    await t.rejects(ran.yield(8), { code: 'superseded', message: /epoch 8 of/ })
    await t.rejects(ran.yield(7), { code: 'superseded' })
    const started = bootHost()
    await started.boot(started.grant())
    started.xen.domains = []
    await t.rejects(started.yield(8, BOOT2), { code: 'superseded' }, 'not by word of a boot at its own epoch')
    for (const host of [runs, ran, started])
      t.same(
        host.journal.streams('yield/', 'all').flatMap(stream => host.kinds(stream)),
        [],
        'nothing was promised',
      )
    await started.yield(12, BOOT2)
    t.equal(started.epochs.floor(WEB), 12)
  },
)

t.test('yield: journalled before the moves here are told, answered when they are clean', async t => {
  const host = bootHost()
  host.move('source', 3, ['PREPARED'], ['COMMIT'])
  host.host.stands()
  let answered = false
  const asked = host.yield(8).then(() => (answered = true))
  await host.clock.advance(10_000)
  t.same(
    host.journal.scan(1, 100).map(({ kind }) => kind),
    ['ORDERED', 'PREPARED', 'COMMIT', 'YIELD', 'SUPERSEDED'],
  )
  t.notOk(answered, 'its copy is still here')
  host.xen.domains = []
  host.move('source', 3, ['SUPERSEDED'], ['CLEAN'])
  await host.ends(asked)
  t.ok(answered)
})

t.test('yield: found running after all, it says REFUSED, and what it was before holds again', async t => {
  const host = bootHost()
  host.move('target', 3, ['PREPARED', { bootId: 'boot-here' }], ['READY'])
  const asked = host.yield(8)
  await host.clock.advance(1_000)
  t.equal(host.epochs.floor(WEB), 8)
  host.host.runs()
  host.move('target', 3, ['ACCEPT'], ['GO'], ['RUNNING', { epoch: 4 }], ['CLEAN'])
  await t.rejects(host.ends(asked), { code: 'conflict' })
  t.same(host.kinds(`yield/${BOOT}`), ['YIELD', 'REFUSED'])
  t.equal(host.epochs.floor(WEB), 4, 'its own epoch, not what it had yielded to')
  t.match(host.histories.of(WEB).part, { role: 'target', epoch: 3, standing: 'RUNNING', ran: 4 })
  host.restart()
  host.xen.domains = []
  await t.rejects(host.yield(8), { code: 'conflict', message: /was found running/ }, 'and stays so')
  t.same(host.kinds(`yield/${BOOT}`), ['YIELD', 'REFUSED'])
})
