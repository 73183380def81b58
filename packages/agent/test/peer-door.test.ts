// The door between agents, with real TLS and certificates of a real CA: who is let in, and whose word is taken.
import { connect } from 'node:tls'
import t from 'tap'
import { hostId, openMemoryJournal, signBoot, signerOf, silentLog, systemClock } from '@heliotrope/shared'
import type { HostId, YieldAnswer, YieldRequest } from '@heliotrope/shared'
import { HeliotropeError } from '@heliotrope/shared'
import { tlsOptions } from '../src/mover/tls/identity.js'
import { askPeerOverTls } from '../src/peers/ask-peer.js'
import { PeerDoor } from '../src/peers/peer-door.js'
import { openRefusals } from '../src/refusals.js'
import { TestCa, until, vm } from './support/mover-fixture.js'
import type { TestHost } from './support/mover-fixture.js'

const clock = systemClock()
const dir = t.testdir({ own: {}, foreign: {} })
const ca = new TestCa(`${dir}/own`)
const [a, b, stranger] = [ca.host('a'), ca.host('b'), ca.host('c')]
const foreign = new TestCa(`${dir}/foreign`).host('a')
/** It takes our certificates, and shows its own. */
const forged: TestHost = { ...foreign, identity: { ...foreign.identity, ca: ca.ca } }
const journal = openMemoryJournal(clock)
const refused = (): string[] =>
  journal.read('audit/peers').map(record => (record.body as { why: string }).why)
const names = new Map([a, b, stranger, forged].map((host, i) => [host, hostId('abca'[i] as string)]))
const nameOf = (host: TestHost) => names.get(host) as HostId
const peerOf = (host: TestHost) => ({ host: nameOf(host), key: host.fingerprint })
let answered = 0
let against: Error | undefined

const door = new PeerDoor({
  clock,
  log: silentLog,
  identity: () => b.identity,
  peers: () => [peerOf(a)],
  answer: async ({ body }): Promise<YieldAnswer> => {
    answered++
    if (against) throw against
    return signBoot(signerOf(b.identity.key), {
      kind: 'yielded',
      ...{ vm: body.vm, epoch: body.epoch, by: body.to, bootId: 'b-1', to: body.by },
      ...{ toBoot: body.bootId, at: 1 },
    })
  },
  refused: openRefusals(journal, silentLog, 'audit/peers').note,
  address: '127.0.0.1',
  port: 0,
})
await door.start()
t.teardown(() => door.stop())

const request = (by: TestHost): YieldRequest =>
  signBoot(signerOf(by.identity.key), {
    kind: 'yield-request',
    ...{ vm: vm.uuid, epoch: 5, by: nameOf(by), bootId: 'a-2', to: nameOf(b) },
    ...{ earlier: Array.from({ length: 500 }, (_, i) => `${i}`.padStart(36, '0')), at: 1 },
  })
const ask = (as: TestHost, there = b, asked = request(as)) =>
  askPeerOverTls({ clock, identity: () => as.identity, timeoutMs: 5_000 })(
    { ...peerOf(there), address: '127.0.0.1', port: door.port },
    asked,
  )

t.test('a host that our coordinator has named asks, and is answered', async t => {
  t.match(await ask(a), { body: { kind: 'yielded', by: 'b', to: 'a', toBoot: 'a-2' } })
  against = new HeliotropeError('conflict', 'it runs here')
  await t.rejects(ask(a), { code: 'conflict', message: 'it runs here' })
  against = undefined
})

t.test('nobody else is let in, and it is written down', async t => {
  const before = answered
  for (const [who, why] of [
    [stranger, /has not named c/],
    [forged, /not issued by our CA/],
  ] as const) {
    const count = refused().length
    await t.rejects(ask(who, b, request(a)), { code: 'unavailable' })
    await until(() => refused().length > count)
    t.match(refused().at(-1), why)
  }
  await t.rejects(ask(a, b, request(stranger)), { code: 'unavailable' })
  t.match(refused().at(-1), /in the name of c/)
  const nobody = connect({ host: '127.0.0.1', port: door.port, rejectUnauthorized: false })
  nobody.on('error', () => {})
  await new Promise(resolve => nobody.once('close', resolve))
  t.match(refused().at(-1), /has not named/)
  const noise = connect({ ...tlsOptions(a.identity), host: '127.0.0.1', port: door.port }, () =>
    noise.write(Buffer.from('ffffffff', 'hex')),
  )
  noise.on('error', () => {})
  await new Promise(resolve => noise.once('close', resolve))
  t.match(refused().at(-1), /exceed/)
  t.equal(answered, before)
})

t.test('who answers must hold the key that our coordinator has named', async t => {
  await t.rejects(ask(a, stranger), { code: 'unavailable' })
  const nowhere = askPeerOverTls({ clock, identity: () => a.identity })
  await t.rejects(nowhere({ host: hostId('z'), key: 'k' }, request(a)), { message: /not known where/ })
  const none = askPeerOverTls({ clock, identity: () => a.identity, timeoutMs: 5_000 })
  await t.rejects(none({ ...peerOf(b), address: '127.0.0.1', port: 1 }, request(a)), { code: 'unavailable' })
})
