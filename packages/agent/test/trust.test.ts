import { createPrivateKey } from 'node:crypto'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { DAY, HOUR, memoryLog, newSigner, settle, VirtualClock } from '@heliotrope/shared'
import type { HostId, SiteId } from '@heliotrope/shared'
import t from 'tap'
import type { Test } from 'tap'
import { connectCoordinator } from '../src/trust/connect.js'
import { Door, openssl } from './support/door.js'
import { certificateRequest } from '../src/trust/csr.js'
import { ensureKey, identityFiles, readIdentity } from '../src/trust/identity.js'
import type { Identity } from '../src/trust/identity.js'
import { join, renew } from '../src/trust/join.js'
import { keepRenewed, renewAt } from '../src/trust/renewal.js'

async function door(t: Test): Promise<{ door: Door; data: string; options: Parameters<typeof join>[0] }> {
  const dir = t.testdir({ ca: {}, data: {} })
  const door = new Door(`${dir}/ca`)
  await door.open(t)
  const options = {
    coordinator: door.url,
    host: 'a1' as HostId,
    site: 'a' as SiteId,
    token: door.token,
    dataDir: `${dir}/data`,
    timeoutMs: 5_000,
  }
  return { door, data: `${dir}/data`, options }
}

t.test('a certificate request that openssl accepts', async t => {
  const dir = t.testdir({})
  for (const name of ['a1', 'h'.repeat(64), 'a-b.c']) {
    writeFileSync(`${dir}/x.csr`, certificateRequest(newSigner().privateKey, name))
    const text = openssl(dir, 'req -in x.csr -noout -text -verify')
    t.match(text, new RegExp(`Subject: CN ?= ?${name}`))
    t.match(text, /ecdsa-with-SHA256/)
  }
})

t.test('joining: the key stays, the rest is kept, files are for their owner', async t => {
  const { door: coordinator, data, options } = await door(t)
  t.equal(readIdentity(data), undefined)
  const identity = await join({ ...options, token: `${options.token}\n` })
  t.match(identity, {
    host: 'a1',
    site: 'a',
    coordinatorKeys: [coordinator.signer.fingerprint],
    ca: coordinator.ca,
  })
  t.ok(identity.notAfter - identity.notBefore > 29 * DAY)
  const [asked] = coordinator.asked
  t.match(asked, {
    path: '/join',
    body: { host: 'a1', site: 'a', token: coordinator.token },
    peer: undefined,
  })
  t.notMatch(JSON.stringify(asked), /PRIVATE/)
  const { key } = identityFiles(data)
  t.equal(statSync(key).mode & 0o777, 0o600)
  t.equal(statSync(`${data}/identity`).mode & 0o777, 0o700)
  t.equal(createPrivateKey(readFileSync(key)).asymmetricKeyDetails?.namedCurve, 'prime256v1')
  const again = await join(options)
  t.equal(again.signer.fingerprint, identity.signer.fingerprint, 'the key is made once')
})

t.test('joining that fails leaves nothing but the key, and says why', async t => {
  const { door: coordinator, data, options } = await door(t)
  const nothing = (): boolean => t.equal(readIdentity(data), undefined)
  await t.rejects(join({ ...options, token: 'hello' }), {
    code: 'bad-input',
    remedy: /token create --host a1 --site a/,
  })
  await t.rejects(
    join({ ...options, token: `${'s'.repeat(32)}.${'0'.repeat(64)}` }),
    { code: 'unauthorised', message: /does not belong to the coordinator/ },
    'another CA',
  )
  t.equal(coordinator.asked.length, 0, 'the token is never sent to a stranger')
  coordinator.answer = () => ({
    status: 403,
    body: {
      error: { code: 'unauthorised', message: 'this join token has been used', remedy: 'make a new token' },
    },
  })
  await t.rejects(join(options), {
    code: 'unauthorised',
    message: 'this join token has been used',
    remedy: 'make a new token',
  })
  coordinator.answer = body => ({ body: coordinator.issue({ ...body, host: 'b1' }) })
  await t.rejects(join(options), { code: 'unauthorised', message: /certified b1/ })
  coordinator.answer = () => ({ body: { certificate: 5 } })
  await t.rejects(join(options), { code: 'bad-frame' })
  coordinator.answer = () => ({ body: '<html>' })
  await t.rejects(join(options), { code: 'unavailable' })
  coordinator.answer = () => ({ body: 'x'.repeat(300_000) })
  await t.rejects(join(options), { code: 'unavailable' })
  coordinator.answer = () => undefined
  await t.rejects(join({ ...options, timeoutMs: 200 }), { code: 'unavailable' })
  await t.rejects(join({ ...options, coordinator: 'wss://127.0.0.1:1' }), {
    code: 'unavailable',
    remedy: /heliotrope serve/,
  })
  nothing()
})

t.test('renewal: same key, own certificate, pins kept', async t => {
  const { door: coordinator, data, options } = await door(t)
  const first = await join(options)
  coordinator.answer = body => ({
    body: {
      ...coordinator.issue(body, 40),
      ca: 'another',
      coordinatorKey: newSigner().publicKey,
      host: 'zz',
    },
  })
  const second = await renew(first, options.coordinator, data, 5_000)
  t.match(coordinator.asked.at(-1), { path: '/renew', peer: 'CN=a1' })
  t.equal(second.signer.fingerprint, first.signer.fingerprint)
  t.ok(second.notAfter > first.notAfter)
  t.match(second, { host: 'a1', ca: first.ca, coordinatorKeys: first.coordinatorKeys })
})

t.test('the session is mutual TLS to exactly this coordinator', async t => {
  const { options } = await door(t)
  const identity = await join(options)
  const socket = await connectCoordinator(options.coordinator, identity, 5_000)
  const said = await new Promise<string>(resolve => {
    socket.onMessage = bytes => resolve(Buffer.from(bytes).toString())
  })
  t.equal(said, '/agent a1')
  t.match(socket.peer, { name: 'c' })
  socket.close(4000, 'done')
  const other = new Door(t.testdir({}))
  await t.rejects(connectCoordinator(options.coordinator, { ...identity, ca: other.ca }, 5_000), {
    code: 'unavailable',
  })
  await t.rejects(connectCoordinator('wss://127.0.0.1:1', identity, 5_000), { code: 'unavailable' })
  await t.rejects(
    connectCoordinator(options.coordinator.replace('127.0.0.1', 'localhost'), identity, 5_000),
    {
      code: 'unavailable',
    },
  )
})

t.test('an identity that is not whole is named', async t => {
  const { data, options } = await door(t)
  await join(options)
  const files = identityFiles(data)
  const keep = (Object.values(files) as string[]).map(path => [path, readFileSync(path, 'utf8')] as const)
  const restore = (): void => keep.forEach(([path, text]) => writeFileSync(path, text))
  chmodSync(files.key, 0o644)
  t.throws(() => readIdentity(data), { code: 'bad-config', remedy: /chmod 600/ })
  chmodSync(files.key, 0o600)
  writeFileSync(files.key, newSigner().privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
  t.throws(() => readIdentity(data), { code: 'bad-config', cause: { message: /for another key/ } })
  restore()
  writeFileSync(files.certificate, 'nonsense')
  t.throws(() => readIdentity(data), { code: 'bad-config', remedy: /join again/ })
  restore()
  writeFileSync(files.identity, '{}')
  t.throws(() => readIdentity(data), { code: 'bad-config' })
  restore()
  t.match(readIdentity(data), { host: 'a1' })
  writeFileSync(files.key, 'nonsense')
  t.throws(() => ensureKey(data), { code: 'bad-config' }, 'a key is never overwritten')
})

t.test('renewed at half of its life, tried again until it works, after a long sleep, too', async t => {
  const clock = new VirtualClock(0)
  let identity = { notBefore: -2 * HOUR, notAfter: 30 * DAY } as Identity
  t.equal(renewAt(identity), 15 * DAY - HOUR)
  const tries: number[] = []
  let up = false
  const log = memoryLog()
  const renewal = keepRenewed({
    clock,
    log,
    current: () => identity,
    renew: async () => {
      tries.push(clock.wall())
      if (!up) throw new Error('no answer')
      return (identity = { ...identity, notBefore: clock.wall(), notAfter: clock.wall() + 30 * DAY })
    },
  })
  await clock.advance(14 * DAY)
  t.strictSame(tries, [])
  await clock.advance(DAY)
  t.ok(tries.length >= 2)
  up = true
  await clock.advance(HOUR)
  const done = tries.length
  await clock.advance(14 * DAY)
  t.equal(tries.length, done)
  clock.epoch += 60 * DAY
  await clock.advance(HOUR)
  t.equal(tries.length, done + 1, 'the host slept for 60 days')
  t.ok(log.lines.some(line => line.message === 'certificate renewed'))
  renewal.stop()
  await settle()
  t.equal(clock.next(), undefined)
})
