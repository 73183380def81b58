// A coordinator on an older copy of its data: what the fleet knows better comes back by statements that it signed itself, and
// until every host was heard nothing is started.
import t from 'tap'
import { certify, newSigner, signFleet } from '@heliotrope/shared'
import type { Grant, HostId } from '@heliotrope/shared'
import { Epochs } from '../src/saga/epochs.js'
import { callConsole } from '../src/console/console.js'
import { backup, restore } from './backup.js'
import {
  A,
  alarmsAbout,
  B,
  boots,
  C,
  claims,
  cutOff,
  holds,
  keeps,
  later,
  lost,
  migrate,
  obeys,
  off,
  three,
  VM,
  where,
} from './claims-kit.js'
import type { Three } from './claims-kit.js'
import type { FakeAgent } from './fake-agent.js'
import { uuid, vmConfig } from './samples.js'
import { carry } from './two-hosts.js'

const OLDER = 'older-than-fleet'
const raised = (of: Three): string[] => of.coordinator.alarms.raised().map(({ key }) => key)
const older = (of: Three): boolean => raised(of).includes(OLDER)
const bootAt = (of: Three, host: HostId) =>
  of.coordinator.console['vms.boot']({ vm: 'vm1', host, by: 'test' })

/** vm1 moves, and both sides keep what they were given. */
async function moves(of: Three, from: FakeAgent, to: FakeAgent): Promise<Grant> {
  const { end, grant } = carry(from, to)
  for (const agent of [from, to]) obeys(agent)
  for (const agent of [of.a, of.b, of.c]) if (agent.wanted) agent.report()
  await of.clock.advance(10)
  migrate(of, to.host)
  await of.clock.advance(3_000)
  end('moved')
  await later(of, 30_000)
  const certificates = [from.certificate(grant()!, 'release', 1), to.certificate(grant()!, 'accept', 1)]
  keeps(from, { vm: VM, grant: grant()!, certificates: certificates.slice(0, 1) })
  keeps(to, { vm: VM, grant: grant()!, certificates })
  for (const agent of [from, to]) agent.report()
  await of.clock.advance(10)
  return grant()!
}

void t.test('an epoch that a lost grant had reserved is not handed out again', t => {
  for (const ended of [1, 2, 3]) {
    const epochs = new Epochs()
    epochs.granted(uuid(1), 0)
    // The grant at 8 is not in our journal any more; of what it brought about its owner tells.
    t.ok(epochs.next(uuid(1), 8 + ended) >= 12, `ended at ${8 + ended}`)
  }
  const epochs = new Epochs()
  epochs.granted(uuid(1), 0, 100)
  epochs.restored(200)
  t.ok(epochs.next(uuid(1), 1) > 100, 'the first after a restore stays clear of all that may be lost')
  epochs.granted(uuid(1), 260)
  t.equal(epochs.next(uuid(1), 261), 264)
  t.end()
})

void t.test('a token that was spent after the backup is void when a coordinator starts on it', async t => {
  const of = await three()
  of.coordinator.enrolment.addToken('secret', {}, 600_000)
  const copy = backup(of)
  of.coordinator.enrolment.spend('secret', of.a.host, of.a.site)
  await restore(of, copy)
  t.throws(() => of.coordinator.enrolment.spend('secret', of.a.host, of.a.site), { code: 'unauthorised' })
  await of.coordinator.stop()
})

void t.test('nothing of the kind is said of a coordinator whose data is whole', async t => {
  const of = await three()
  await moves(of, of.a, of.c)
  await of.restart()
  await later(of, 30_000)
  t.notOk(older(of))
  await restore(of, backup(of))
  await later(of, 30_000)
  t.notOk(older(of))
  await of.coordinator.stop()
})

void t.test('who was revoked after the backup is put out as soon as anybody has told of it', async t => {
  const of = await three()
  await later(of, 5_000)
  const copy = backup(of)
  await of.coordinator.console['agents.revoke']({ host: B, by: 'test', reason: 'stolen' })
  await later(of, 10_000)
  t.match(holds(of.a).fleet?.body.revoked, [{ host: B, key: of.b.signer.fingerprint }])
  of.a.wanted = of.c.wanted = false
  of.b.wanted = true
  await restore(of, copy)
  t.equal(of.b.closed, undefined, 'nobody has told yet')
  of.a.connect()
  await of.clock.advance(100)
  t.match(of.b.closed, { reason: /revoked/ })
  of.b.connect()
  await of.clock.advance(100)
  t.match(of.b.closed, { reason: /revoked/ })
  t.ok(older(of))
  t.ok(alarmsAbout(of, 'a', 'older').length > 0, 'the alarm says who knows of it')
  await of.coordinator.stop()
})

void t.test('one host can neither revoke others nor push epochs', async t => {
  const of = await three()
  await later(of, 5_000)
  const copy = backup(of)
  await restore(of, copy)
  of.a.report()
  await later(of, 10_000)
  const liar = newSigner()
  const key = of.a.signer.fingerprint
  const fleet = signFleet(liar, {
    ...{ kind: 'fleet', head: { seq: 9_999, hash: 'f'.repeat(64) }, hosts: [], at: 9e14 },
    revoked: [{ host: A, key }],
  })
  const side = (agent: FakeAgent) => ({
    host: agent.host,
    key: agent.signer.fingerprint,
    bootId: agent.bootId,
  })
  const grant = certify(liar, {
    ...{ kind: 'grant' as const, move: 'e'.repeat(26) as never, vm: VM, epoch: 2 ** 50, config: vmConfig(1) },
    ...{ from: side(of.a), to: side(of.b), startBefore: 1, at: 9e14 },
  })
  const certificates = [of.b.certificate(grant, 'release', 1), of.b.certificate(grant, 'accept', 1)]
  of.b.answers['host.statements'] = async () => ({ statements: [{ vm: VM, grant, certificates }], fleet })
  of.b.connect()
  await later(of, 30_000)
  t.notOk(older(of))
  t.ok(raised(of).includes('false-fleet/b'))
  t.equal(of.a.closed, undefined)
  t.equal(where(of), A)
  t.equal(of.coordinator.fleet.evidence.certified(VM), undefined)
  await claims(of, of.b, { runs: { uuid: uuid(2), name: 'vm2', epoch: 2 ** 50 } })
  await later(of, 30_000)
  t.match(alarmsAbout(of, 'b', 'vm2'), [/nothing certifies/])
  await of.coordinator.stop()
})

void t.test('a VM that moved after the backup is not started before its new host was heard', async t => {
  const of = await three()
  await later(of, 5_000)
  const copy = backup(of)
  await moves(of, of.a, of.c)
  await cutOff(of, of.c)
  await off(of, of.a)
  await restore(of, copy)
  of.b.report()
  await of.clock.advance(10)
  const { console } = of.coordinator
  await console.restored({ reason: 'the disk was replaced', by: 'test' })
  await console.fence({ host: A, reason: 'I pulled the plug', by: 'test' })
  await later(of)
  await t.rejects(bootAt(of, B), { message: /\bc\b/ })
  t.strictSame(boots(of.b), [])
  of.c.connect()
  await of.clock.advance(100)
  of.c.report()
  await later(of, 30_000)
  t.equal(where(of), C)
  t.match(of.coordinator.fleet.evidence.certified(VM), { owner: C, epoch: 1 }, 'learnt from what it holds')
  await t.rejects(bootAt(of, B), { message: /running on c/ })
  await of.restart()
  t.match(of.coordinator.fleet.evidence.certified(VM), { owner: C, epoch: 1 }, 'and kept')
  await of.coordinator.stop()
})

void t.test('a host that joined after the backup is waited for, and let in', async t => {
  const of = await three()
  await later(of, 5_000)
  const copy = backup(of)
  const d = of.agent('d', 'b')
  obeys(d)
  d.connect()
  await of.clock.advance(100)
  d.report()
  await moves(of, of.a, d)
  await cutOff(of, d)
  await off(of, of.a)
  await restore(of, copy)
  await of.coordinator.console.fence({ host: A, reason: 'I pulled the plug', by: 'test' })
  for (const agent of [of.b, of.c]) agent.report()
  await later(of)
  t.ok(older(of))
  await t.rejects(bootAt(of, B), { message: /\bd\b/ })
  d.connect()
  await of.clock.advance(100)
  t.equal(d.closed, undefined, 'by what its neighbours were told of it')
  d.report()
  await later(of, 30_000)
  t.equal(where(of), 'd')
  await of.coordinator.stop()
})

void t.test(
  'nor is it started where it was, which may have been fenced since; an admin’s word frees that VM',
  async t => {
    const of = await three()
    await later(of, 5_000)
    const copy = backup(of)
    await cutOff(of, of.c)
    await off(of, of.a)
    await restore(of, copy)
    await of.coordinator.console.restored({ reason: 'the disk was replaced', by: 'test' })
    of.a.bootId = 'boot-2'
    of.a.seq = 0
    of.a.connect()
    await of.clock.advance(100)
    of.a.report({ lost: [lost()] })
    await later(of)
    t.strictSame(boots(of.a), [])
    t.match(alarmsAbout(of, 'c', 'older').length > 0, true)
    const forget = (args: object): Promise<unknown> =>
      callConsole(of.coordinator.console, 'forget', { what: 'vm1', notRunning: true, by: 'test', ...args })
    await t.rejects(forget({}), { message: /c was not heard.*runs twice/ })
    await forget({ sure: true })
    await later(of, 10 * 60_000)
    t.match(boots(of.a), [{ body: { to: { host: A } } }])
    t.ok((boots(of.a)[0]?.body.epoch ?? 0) >= 256, 'clear of what a lost grant may have reserved')
    await of.coordinator.stop()
  },
)

void t.test('it is found out once, and over when all were heard', async t => {
  const of = await three()
  await later(of, 5_000)
  const copy = backup(of)
  await moves(of, of.a, of.c)
  await restore(of, copy)
  for (const agent of [of.a, of.b, of.c]) agent.report()
  await later(of, 30_000)
  t.ok(older(of), 'the alarm stays until the next start')
  t.match(alarmsAbout(of, 'older'), [/all hosts were heard since/])
  const found = (): number => of.ports.journal.read('restore').filter(({ kind }) => kind === 'OLDER').length
  t.equal(found(), 1)
  of.a.link?.drop()
  await of.clock.advance(10)
  of.a.connect()
  await later(of, 30_000)
  await of.restart()
  for (const agent of [of.a, of.b, of.c]) agent.report()
  await later(of, 30_000)
  t.equal(found(), 1)
  t.notOk(older(of))
  t.equal(where(of), C)
  const move = migrate(of, B)
  t.ok((of.coordinator.sagas.state(move)?.granted?.grant.body.epoch ?? 0) > 256)
  await of.coordinator.stop()
})
