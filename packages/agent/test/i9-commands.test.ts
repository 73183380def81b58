// I9 at the agent's door: no command that is unsigned, expired, replayed, misaddressed, of a revoked or superseded grant,
// for another host or changed on the way runs; each is refused, stands in the journal, and leaves nothing behind. Real TLS,
// real certificates, real SQLite.
import { MINUTE, moveId, newSigner, vmId } from '@heliotrope/shared'
import type {
  BootGrant,
  BootId,
  CommandKind,
  CommandMessage,
  Grant,
  HostId,
  Signer,
} from '@heliotrope/shared'
import t from 'tap'
import { CLOCK_SKEW_MS } from '../src/execute/dispatch.js'
import { BOOT, i9Host, targetArgs } from './support/i9-host.js'
import { MOVE, vm } from './support/mover-fixture.js'

type Host = Awaited<ReturnType<typeof i9Host>>

/** One host for all: what is refused must leave it as it was. */
const host = await i9Host(t)
const VM2 = vmId('11111111-2222-4333-8444-555555555555')
const BOOT2 = 'b00700000000000000000000b2' as BootId
const MOVE2 = moveId('fedcba98765432100123456789')

/** Nothing of a move or a boot has begun here. */
const untouched = ({ created, journal, launched }: Host): boolean =>
  launched.length + created.length === 0 &&
  ['source/', 'target/', 'inbox-', 'boot/', 'yield/'].every(
    prefix => journal.streams(prefix, 'all').length === 0,
  )

const elsewhere = { host: 'b2' as HostId, key: 'a'.repeat(64), bootId: 'boot-here' }
const stranger = { ...elsewhere, host: 'a1' as HostId }

const grants: [string, string, RegExp, (host: Host) => [kind: CommandKind, args: unknown]][] = [
  [
    'grant of a foreign signer',
    'unauthorised',
    /not signed/,
    host => ['move.prepare-target', targetArgs(host.grant({}, newSigner()))],
  ],
  [
    'forged config in a grant that the command signs for',
    'unauthorised',
    /not signed/,
    host => {
      const grant = structuredClone(host.grant())
      grant.body.config.disks = []
      return ['move.prepare-target', targetArgs(grant)]
    },
  ],
  [
    'grant for another host',
    'unauthorised',
    /the grant names b2/,
    host => ['move.prepare-target', targetArgs(host.grant({ to: elsewhere }))],
  ],
  [
    'grant for this name with another key',
    'unauthorised',
    /the grant names a1/,
    host => ['move.prepare-target', targetArgs(host.grant({ to: stranger }))],
  ],
  [
    'grant that expired',
    'refused',
    /expired/,
    host => ['move.prepare-target', targetArgs(host.grant({ startBefore: Date.now() - 1 }))],
  ],
  [
    'boot by a foreign signer',
    'unauthorised',
    /not signed/,
    host => ['vm.boot', { grant: host.bootGrant({}, newSigner()) }],
  ],
  [
    'boot with a forged config, in a command that is signed',
    'unauthorised',
    /not signed/,
    host => {
      const grant = structuredClone(host.bootGrant())
      grant.body.config.name = 'evil'
      return ['vm.boot', { grant }]
    },
  ],
  [
    'boot on another host',
    'unauthorised',
    /granted to b2/,
    host => ['vm.boot', { grant: host.bootGrant({ to: elsewhere }) }],
  ],
  [
    'boot for this name with another key',
    'unauthorised',
    /granted to a1/,
    host => ['vm.boot', { grant: host.bootGrant({ to: stranger }) }],
  ],
  [
    'boot of this host before it was booted: what expires a boot',
    'superseded',
    /booted since/,
    host => {
      const { to } = host.bootGrant().body
      return ['vm.boot', { grant: host.bootGrant({ to: { ...to, bootId: 'boot-before' } }) }]
    },
  ],
]
t.test('grants that are refused although the command is good', async t => {
  for (const [name, code, why, make] of grants) {
    const message = host.command(...make(host))
    t.match(await host.send(message), { ok: false, code, message: why }, name)
    t.same(
      host.journal.read(`command/${message.body.id}`).map(record => record.kind),
      ['received', 'result'],
      `${name}: audited`,
    )
    t.ok(untouched(host), `${name}: harmless`)
  }
})

/** Each order that may change something, and how somebody on the way would like it. */
const orders: [CommandKind, (host: Host) => object, forge: (args: never) => void][] = [
  [
    'move.prepare-target',
    host => targetArgs(host.grant()),
    ({ grant }: { grant: Grant }) => (grant.body.config.name = 'evil'),
  ],
  [
    'vm.boot',
    host => ({ grant: host.bootGrant() }),
    ({ grant }: { grant: BootGrant }) => (grant.body.config.name = 'evil'),
  ],
  [
    'vm.yield',
    () => ({ boot: BOOT, vm: vm.uuid, epoch: 8 }),
    (args: { epoch: number }) => (args.epoch = 2 ** 40),
  ],
]

type Send = (change?: object, signer?: Signer) => CommandMessage
const frames: [string, RegExp, (send: Send, forge: (args: never) => void) => CommandMessage][] = [
  ['unsigned', /not signed by our coordinator/, send => ({ ...send(), signature: 'AAAA' })],
  ['signed by somebody else', /not signed by our coordinator/, send => send({}, newSigner())],
  ['expired', /expired/, send => send({ expiresAt: Date.now() - CLOCK_SKEW_MS - MINUTE })],
  ['misaddressed', /is for b1, we are a1/, send => send({ to: 'b1' as HostId })],
  ['without a number', /no session and number/, send => send({ seq: undefined })],
  ['made for another connection', /another connection/, send => send({ session: 'f'.repeat(32) })],
  [
    'forged: changed behind the signature of the command, and of the grant in it',
    /not signed by our coordinator/,
    (send, forge) => {
      const forged = structuredClone(send())
      forge(forged.body.args as never)
      return forged
    },
  ],
]
t.test('frames that are refused at the door', async t => {
  for (const [kind, args, forge] of orders)
    for (const [flaw, why, make] of frames) {
      const name = `${kind} ${flaw}`
      const before = host.audited().length
      const message = make((change, signer) => host.command(kind, args(host), change, signer), forge)
      t.match(await host.send(message), { ok: false, code: 'unauthorised', message: why }, name)
      t.match(host.audited().slice(before), [{ id: message.body.id, why }], `${name}: audited, once`)
      t.ok(untouched(host), `${name}: harmless`)
    }
  t.match(
    await host.send(host.command('move.prepare-target', targetArgs(host.grant()))),
    { ok: true },
    'the same, honest, is done: the cases above fail for their one flaw',
  )
  t.same(host.launched, [`target/${MOVE}`])
})

t.test('lower epoch: what this host certified before is not taken back', async t => {
  for (const kind of ['READY', 'ACCEPT', 'GO']) host.journal.append(`target/${MOVE}`, kind, {})
  host.journal.append(`target/${MOVE}`, 'RUNNING', { epoch: 9 })
  host.journal.append(`target/${MOVE}`, 'CLEAN', {})
  const lower = host.grant({ move: MOVE2, epoch: 8 })
  t.match(await host.send(host.command('move.prepare-target', targetArgs(lower))), {
    ok: false,
    code: 'superseded',
    message: /epoch 8.*holds 9/,
  })
  t.same(host.launched, [`target/${MOVE}`], 'nothing was started')
  t.equal(host.journal.read(`target/${MOVE2}`).length, 0)
})

t.test('a boot: not below what was yielded to, once however it comes, and nobody else after it', async t => {
  const web = vmId('22222222-2222-4333-8444-555555555555')
  const boot = (epoch: number, id = BOOT) =>
    host.command('vm.boot', {
      grant: host.bootGrant({ boot: id, vm: web, epoch, config: { ...vm, uuid: web, name: 'web-2' } }),
    })
  const yields = (epoch: number) => host.command('vm.yield', { boot: BOOT2, vm: web, epoch })
  t.match(await host.send(yields(8)), { ok: true, value: { yielded: true, bootId: 'boot-here' } })
  t.match(await host.send(boot(7)), { ok: false, code: 'superseded', message: /epoch 7.*holds 8/ })
  t.match(await host.send(boot(8)), { ok: false, code: 'superseded' })
  t.same(host.created, [])
  const honest = boot(12)
  t.match(await host.send(honest), { ok: true, value: { booted: true } })
  const { seq } = host.journal.head()
  t.match(await host.send(honest), { ok: true }, 'the same frame again')
  t.equal(host.journal.head().seq, seq, 'and nothing was written, so nothing was done')
  t.match(await host.send(boot(12)), { ok: true }, 'the same grant in another command')
  t.match(await host.send(boot(12, 'f'.repeat(26) as BootId)), { ok: false, code: 'superseded' })
  await host.reconnect()
  t.match(await host.send(honest), { ok: false, message: /another connection/ })
  t.same(host.created, [web])
})

t.test('replayed: a frame runs once, whatever came between', async t => {
  const from = host.audited().length
  const abort = host.command('move.abort', { move: MOVE2, reason: 'first' })
  t.match(await host.send(abort), { ok: true, value: { known: false } })
  const records = host.journal.head().seq
  t.match(
    await host.send(abort),
    { ok: true },
    'again on the same connection: the same answer, from the journal',
  )
  t.equal(host.journal.head().seq, records, 'and nothing was written, so nothing was done')

  const question = host.command('host.report', {})
  t.match(await host.send(question), { ok: true })
  t.match(await host.send(question), { ok: false, code: 'unauthorised', message: /a replay/ })

  await host.reconnect()
  t.match(
    await host.send(abort),
    { ok: false, message: /another connection/ },
    'recorded, on a later connection',
  )
  t.match(await host.send(question), { ok: false, message: /another connection/ })

  const changed = host.command(
    'move.abort',
    { move: moveId('f'.repeat(26)), reason: '' },
    { id: abort.body.id },
  )
  t.match(await host.send(changed), { ok: false, message: /something else than the first/ }, 'an id, reused')
  t.match(
    host
      .audited()
      .slice(from)
      .map(({ id }) => id),
    [question.body.id, abort.body.id, question.body.id, abort.body.id],
  )
})

t.test('revoked: no grant with that host, and an open move is given up where that is free', async t => {
  const prepared = host.grant({ move: MOVE2, vm: VM2 })
  t.match(await host.send(host.command('move.prepare-target', targetArgs(prepared))), { ok: true })
  const trust = {
    revoked: [{ host: 'b1' as HostId, key: host.other.fingerprint }],
    coordinatorKeys: [host.coordinator.fingerprint],
  }
  t.match(await host.send(host.command('host.trust', trust)), { ok: true })
  t.match(await host.send(host.command('host.trust', trust)), { ok: true }, 'told again')
  t.equal(host.journal.read('trust').length, 1, 'and kept once')
  const move = moveId('a'.repeat(26))
  const refused = host.command('move.prepare-target', targetArgs(host.grant({ move, epoch: 12 })))
  t.match(await host.send(refused), { ok: false, code: 'unauthorised', message: /key of b1 is revoked/ })
  t.equal(host.journal.read(`target/${move}`).length, 0)
  await host.moves.tend()
  await host.moves.tend()
  t.match(
    host.journal.read(`inbox-target/${MOVE2}`).filter(record => record.kind === 'ABORT-REQUESTED'),
    [{ body: { reason: 'the key of b1 is revoked' } }],
    'asked once',
  )
})

t.test('rotation: told by the old key, the new one counts, then the old one no more', async t => {
  const next = newSigner()
  const honest = {
    move: moveId('b'.repeat(26)),
    epoch: 16,
    from: { host: 'c1' as HostId, key: newSigner().fingerprint, bootId: 'boot-c' },
  }
  const both = { revoked: [], coordinatorKeys: [host.coordinator.fingerprint, next.fingerprint] }
  t.match(await host.send(host.command('host.trust', both, {}, next)), { ok: false }, 'not by its own word')
  t.match(await host.send(host.command('host.trust', both)), { ok: true })
  t.match(await host.send(host.command('host.report', {}, {}, next)), { ok: true })
  const only = { revoked: [], coordinatorKeys: [next.fingerprint] }
  t.match(await host.send(host.command('host.trust', only, {}, next)), { ok: true })
  t.match(await host.send(host.command('host.report', {})), { ok: false, message: /not signed/ }, 'retired')
  const old = host.command('move.prepare-target', targetArgs(host.grant(honest)), {}, next)
  t.match(await host.send(old), { ok: false, message: /not signed/ }, 'nor does a grant by it')
  const boot = host.command('vm.boot', { grant: host.bootGrant({ epoch: 20 }) }, {}, next)
  t.match(await host.send(boot), { ok: false, message: /not signed/ }, 'nor a boot')
  const fresh = host.command('move.prepare-target', targetArgs(host.grant(honest, next)), {}, next)
  t.match(await host.send(fresh), { ok: true })
  t.equal(host.journal.read(`target/${honest.move}`)[0]?.kind, 'ORDERED')
})
