import t from 'tap'
import type { Test } from 'tap'
import { X509Certificate } from 'node:crypto'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DAY, MINUTE, seededRng, VirtualClock } from '@heliotrope/shared'
import type { HostId, SiteId } from '@heliotrope/shared'
import { openDatabase } from '../src/store/database.js'
import { openEnrolment } from '../src/store/enrolment.js'
import { hasAuthority, openAuthority } from '../src/trust/authority.js'
import { admit } from '../src/trust/admission.js'
import { openGate } from '../src/trust/gate.js'
import { newHostKey, START_WALL } from './host-key.js'

const sites = ['a', 'b'] as SiteId[]

async function gate(t: Test) {
  const clock = new VirtualClock(START_WALL)
  const dir = t.testdir()
  const authority = await openAuthority(dir, clock)
  const db = openDatabase(':memory:')
  t.teardown(() => void db.close())
  const enrolment = openEnrolment(db, clock)
  return {
    clock,
    dir,
    db,
    authority,
    enrolment,
    gate: openGate({ clock, rng: seededRng(1), authority, enrolment, sites }),
  }
}

t.test('the authority is made once, and its keys are for its owner only', async t => {
  const { dir, authority, clock } = await gate(t)
  t.ok(hasAuthority(dir))
  for (const name of ['ca.key.pem', 'signer.key.pem']) t.equal(statSync(join(dir, name)).mode & 0o777, 0o600)
  const again = await openAuthority(dir, clock)
  t.equal(again.fingerprint, authority.fingerprint)
  t.equal(again.signer.fingerprint, authority.signer.fingerprint)
  const server = new X509Certificate((await again.issueServer(['localhost', '127.0.0.1'])).certificate)
  t.ok(again.signed(server))
  t.equal(server.checkHost('localhost'), 'localhost')
  t.equal(server.checkIP('127.0.0.1'), '127.0.0.1')
  rmSync(join(dir, 'ca.key.pem'))
  await t.rejects(openAuthority(dir, clock), { code: 'bad-config', message: /only/ })
})

t.test('join', async t => {
  const { gate: door, enrolment, authority, db } = await gate(t)
  const key = await newHostKey('h1')
  const { token } = door.createToken({ host: 'h1' as HostId, site: 'a' as SiteId })
  t.match(token, new RegExp(`^[A-Za-z0-9_-]{32}\\.${authority.fingerprint}$`))
  const stored = JSON.stringify(db.prepare('SELECT * FROM token').all())
  t.notOk(stored.includes(token.split('.')[0] as string), 'a token is not kept as such')
  const ask = (change: object) => door.join({ token, host: 'h1', site: 'a', csr: key.csr, ...change })
  await t.rejects(ask({ host: 'h2' }), { code: 'unauthorised', message: /for host h1/ })
  await t.rejects(ask({ site: 'b' }), { code: 'unauthorised', message: /for site a/ })
  await t.rejects(ask({ site: 'zz' }), { code: 'bad-input', message: /known are a, b/ })
  await t.rejects(ask({ host: 'H 1' }), { code: 'bad-input' })
  await t.rejects(ask({ csr: 'garbage' }), { code: 'bad-input' })
  await t.rejects(ask({ token: `false.${authority.fingerprint}` }), {
    code: 'unauthorised',
    message: /not known/,
  })
  const answer = await ask({})
  t.equal(answer.coordinatorKey, authority.signer.publicKey)
  const certificate = new X509Certificate(answer.certificate)
  t.match(certificate.subject, /CN=h1/)
  t.ok(authority.signed(certificate))
  t.equal(Date.parse(certificate.validTo), START_WALL + 30 * DAY)
  t.equal(Date.parse(certificate.validFrom), START_WALL - 120 * MINUTE)
  t.equal(enrolment.find('h1' as HostId)?.key, key.fingerprint)
  await t.rejects(ask({}), { code: 'unauthorised', message: /has been used/ })
})

t.test('a token expires; two that race for one get one', async t => {
  const { gate: door, clock } = await gate(t)
  const key = await newHostKey('h1')
  const late = door.createToken({})
  await clock.advance(10 * MINUTE)
  await t.rejects(door.join({ token: late.token, host: 'h1', site: 'a', csr: key.csr }), {
    message: /expired/,
  })
  const { token } = door.createToken({})
  const both = await Promise.allSettled(
    ['h1', 'h2'].map(async host => door.join({ token, host, site: 'a', csr: (await newHostKey(host)).csr })),
  )
  t.strictSame(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})

t.test('a CSR must be EC P-256 and signed by its own key', async t => {
  const { gate: door } = await gate(t)
  const { token } = door.createToken({})
  const csr = readFileSync(new URL('../../test/fixtures/rsa.csr.pem', import.meta.url), 'utf8')
  await t.rejects(door.join({ token, host: 'h1', site: 'a', csr }), {
    code: 'bad-input',
    message: /EC P-256/,
  })
  const { csr: good } = await newHostKey('h1')
  const der = Buffer.from(good.replace(/-----.*-----|\n/g, ''), 'base64')
  der[der.length - 5] = (der.at(-5) as number) ^ 1
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
  await t.rejects(door.join({ token, host: 'h1', site: 'a', csr: forged }), {
    code: 'bad-input',
    message: /own key/,
  })
})

t.test('renewal: the same key, in date or 90 days after, not revoked', async t => {
  const { gate: door, clock, enrolment } = await gate(t)
  const key = await newHostKey('h1')
  const first = await door.join({ token: door.createToken({}).token, host: 'h1', site: 'a', csr: key.csr })
  const old = new X509Certificate(first.certificate)
  await t.rejects(door.renew(undefined, key.csr), { code: 'unauthorised' })
  await t.rejects(door.renew(old, (await newHostKey('h1')).csr), {
    code: 'unauthorised',
    message: /keep its key/,
  })
  await clock.advance(15 * DAY)
  const second = new X509Certificate((await door.renew(old, key.csr)).certificate)
  t.equal(Date.parse(second.validTo), START_WALL + 45 * DAY)
  await clock.advance(100 * DAY)
  t.match((await door.renew(second, key.csr)).host, 'h1', '70 days after it ended')
  t.match(await door.renew(old, key.csr), { host: 'h1' }, '85 days after it ended')
  await clock.advance(30 * DAY)
  await t.rejects(door.renew(second, key.csr), { code: 'unauthorised', message: /90 days/ })

  const stranger = await gate(t)
  const theirs = new X509Certificate(
    (
      await stranger.gate.join({
        token: stranger.gate.createToken({}).token,
        host: 'h1',
        site: 'a',
        csr: key.csr,
      })
    ).certificate,
  )
  await t.rejects(door.renew(theirs, key.csr), { code: 'unauthorised', message: /this coordinator issued/ })
  enrolment.revoke('h1' as HostId, 'stolen')
  await t.rejects(door.renew(new X509Certificate(first.certificate), key.csr), {
    code: 'unauthorised',
    message: /revoked/,
  })
  const { token } = door.createToken({})
  await t.rejects(
    door.join({ token, host: 'h1', site: 'a', csr: key.csr }),
    { message: /revoked/ },
    'the key never again',
  )
  const fresh = await newHostKey('h1')
  t.match(
    await door.join({ token, host: 'h1', site: 'a', csr: fresh.csr }),
    { host: 'h1' },
    'the host, with a new key',
  )
})

t.test('admission: certificate, hello and enrolment agree', async t => {
  const { enrolment } = await gate(t)
  const [h1, a] = ['h1' as HostId, 'a' as SiteId]
  enrolment.enrol({ id: h1, site: a, key: 'k1', notAfter: 1 })
  const good = { host: h1, site: a, key: 'k1' }
  const enter =
    (peer: { name: string; key: string } | undefined, claim: object = {}) =>
    () =>
      admit(enrolment, sites, peer, { ...good, ...claim })
  t.doesNotThrow(enter({ name: 'h1', key: 'k1' }))
  for (const [peer, claim] of [
    [undefined, {}],
    [{ name: 'h2', key: 'k1' }, {}],
    [{ name: 'h1', key: 'k2' }, {}],
    [{ name: 'h1', key: 'k2' }, { key: 'k2' }],
    [
      { name: 'h3', key: 'k3' },
      { host: 'h3' as HostId, key: 'k3' },
    ],
    [{ name: 'h1', key: 'k1' }, { site: 'b' as SiteId }],
  ] as const)
    t.throws(enter(peer, claim), { code: 'unauthorised' })
  enrolment.revoke(h1, 'gone')
  t.throws(enter({ name: 'h1', key: 'k1' }), { code: 'unauthorised', message: /revoked/ })
})
