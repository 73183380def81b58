// I9 between two movers: no wrong peer, no revoked one, no second stream, no certificate that does not follow from the
// Grant; each is refused, stands in the journal, and changes nothing. Real TLS, certificates of a real CA, real SQLite.
import { connect } from 'node:tls'
import t from 'tap'
import { certify, hostId, moveId, openSqliteJournal, PROTOCOL, signerOf, silentLog } from '@heliotrope/shared'
import { defaultMoveLimits, newSigner, systemClock, vmId } from '@heliotrope/shared'
import type { HostCertificate, HostCertificateBody } from '@heliotrope/shared'
import type { SidePorts } from '../src/mover/ports.js'
import { streamOf } from '../src/mover/records.js'
import { refusedPeer } from '../src/mover/refused-peer.js'
import { SideContext } from '../src/mover/side-context.js'
import { peerFrame } from '../src/mover/tls/frames.js'
import { tlsOptions } from '../src/mover/tls/identity.js'
import { PeerTarget } from '../src/mover/tls/peer-target.js'
import { openRefusals } from '../src/refusals.js'
import { grantBody, MOVE, TestCa, until } from './support/mover-fixture.js'
import type { TestHost } from './support/mover-fixture.js'

const clock = systemClock()
const dir = t.testdir({ own: {}, foreign: {} })
const ca = new TestCa(`${dir}/own`)
const [a, b, stranger] = [ca.host('a'), ca.host('b'), ca.host('c')]
const forged = new TestCa(`${dir}/foreign`).host('a')
const grant = grantBody(a, b)
const journal = openSqliteJournal({ file: `${dir}/journal.db`, clock })
const audited = (stream: string) => journal.read(stream).map(record => record.body as { why: string })

const peer = new PeerTarget({
  clock,
  log: silentLog,
  grant,
  identity: b.identity,
  address: '127.0.0.1',
  port: 0,
  streamUsedBefore: () => false,
  refused: () => refusedPeer(journal, 'target', grant),
  audit: openRefusals(journal, silentLog, 'audit/peers').note,
})
let streams = 0
peer.onStream = connection => void (streams++, connection.destroy())
await peer.start()
t.teardown(async () => {
  await peer.stop()
  journal.close()
})

/** Says hello as `who`; resolves when it is cut off, or let in. */
function knock(
  who: TestHost | undefined,
  channel: 'control' | 'stream',
  move = MOVE,
): Promise<'in' | 'cut off'> {
  return new Promise(resolve => {
    const options = who
      ? tlsOptions(who.identity)
      : { rejectUnauthorized: false, minVersion: 'TLSv1.3' as const }
    const socket = connect({ ...options, host: '127.0.0.1', port: peer.port }, () =>
      socket.write(peerFrame({ t: 'hello', protocol: PROTOCOL, move, channel })),
    )
    socket.once('data', () => {
      resolve('in')
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve('cut off'))
  })
}

t.test(
  'who is not the host of the grant, or says another move, is cut off before a byte is read',
  async t => {
    const wrong: [string, RegExp, TestHost | undefined, string][] = [
      ['no certificate', /showed no certificate/, undefined, MOVE],
      ['another CA', /not issued by our CA/, forged, MOVE],
      ['another host', /grant names host a/, stranger, MOVE],
      ['another move', /hello for move/, a, 'f'.repeat(26)],
    ]
    for (const [name, why, who, move] of wrong)
      for (const channel of ['control', 'stream'] as const) {
        const before = audited('audit/peers').length
        t.equal(await knock(who, channel, moveId(move)), 'cut off', `${name}, ${channel}`)
        t.match(audited('audit/peers').slice(before), [{ why }], `${name}: audited`)
      }
    t.equal(streams, 0)
    t.equal(peer.connected, false)
    t.equal(await knock(a, 'control'), 'in', 'the host of the grant')
  },
)

t.test('a second stream for the same move is a replay', async t => {
  await knock(a, 'stream')
  t.equal(streams, 1)
  t.equal(await knock(a, 'stream'), 'cut off')
  t.match(audited('audit/peers').at(-1), { why: /a second stream/ })
  t.equal(streams, 1)
})

t.test('a revoked host is cut off until the copy is complete; then only its word ends the move', async t => {
  journal.append('trust', 'REVOKED', { host: 'a', key: a.fingerprint })
  await until(() => !peer.connected)
  t.equal(await knock(a, 'control'), 'cut off')
  t.match(audited('audit/peers').at(-1), { why: /key of a is revoked/ })
  journal.append(streamOf('target', MOVE), 'READY', {})
  t.equal(await knock(a, 'control'), 'in')
  t.match(refusedPeer(journal, 'source', grantBody(b, a)), /is revoked/, 'a source before COMMIT')
})

t.test('certificates that do not follow from the grant change nothing', t => {
  const coordinator = newSigner()
  const [source, target] = [signerOf(a.identity.key), signerOf(b.identity.key)]
  const ports = { clock, log: silentLog, journal, signer: target, bootId: 'boot-b' } as unknown as SidePorts
  const order = { role: 'target' as const, grant: certify(coordinator, grant), limits: defaultMoveLimits }
  const side = {
    coordinatorKeys: [coordinator.fingerprint],
    status: () => {},
    signal: new AbortController().signal,
  }
  const context = new SideContext(ports, { ...order, address: '', port: 0 }, side)
  const body: HostCertificateBody = {
    kind: 'release',
    move: MOVE,
    vm: grant.vm,
    epoch: grant.epoch + 1,
    by: hostId('a'),
    bootId: 'boot-a',
    at: 1,
  }
  const good = certify(source, body)
  const bad: [string, HostCertificate, RegExp][] = [
    ['unsigned', { ...good, signature: '' }, /signature/],
    ['changed', { ...good, body: { ...body, bootId: 'other' } }, /signature/],
    ['of a foreign signer', certify(newSigner(), body), /signature/],
    ['of the wrong side', certify(target, { ...body, by: hostId('b') }), /must be a/],
    ['in the name of the right side', certify(target, body), /signature/],
    [
      'of another move (a replay)',
      certify(source, { ...body, move: moveId('f'.repeat(26)) }),
      /grant is for/,
    ],
    [
      'of another VM',
      certify(source, { ...body, vm: vmId('11111111-2222-4333-8444-555555555555') }),
      /grant is for/,
    ],
    ['of a lower epoch', certify(source, { ...body, epoch: grant.epoch }), /does not follow/],
    ['of an earlier grant', certify(source, { ...body, epoch: grant.epoch - 3 }), /does not follow/],
  ]
  for (const [name, certificate, why] of bad) {
    context.receive(certificate)
    t.equal(context.got.size, 0, name)
    t.match(audited('audit/certificates').at(-1), { why }, `${name}: audited`)
  }
  t.equal(audited('audit/certificates').length, bad.length)
  context.receive(good)
  t.equal(context.got.size, 1, 'the honest one counts')
  t.end()
})
