// I9 at the coordinator's door, with the whole coordinator on a real port: who is not let in, that the audit says so, and
// that nothing came of it. A host that slept for 60 days renews and works; a revoked one does not; keys lost, all join again.
import { rmSync } from 'node:fs'
import { request } from 'node:https'
import {
  DAY,
  decode,
  encode,
  fromCoordinatorSchema,
  PROTOCOL,
  silentLog,
  systemClock,
  systemRng,
} from '@heliotrope/shared'
import type { Clock, Ms } from '@heliotrope/shared'
import t from 'tap'
import { WebSocket } from 'ws'
import { checkConfig } from '../src/config/load.js'
import { trustDir } from '../src/data-dir.js'
import { serve } from '../src/serve.js'
import type { Serving } from '../src/serve.js'
import { newHostKey } from './host-key.js'
import { shortDir } from './short-dir.js'

const dir = shortDir(t)
let shift: Ms = 0
/** Real time, but for the date. */
const clock: Clock = { ...systemClock(), wall: () => systemClock().wall() + shift }
const { config } = checkConfig(`
data_dir: ${dir}/data
console_socket: ${dir}/s
listen: { host: 127.0.0.1, port: 0 }
server_names: [localhost, 127.0.0.1]
sites:
  - { id: a, latitude: 1, longitude: 2, grid_gco2eq_per_kwh: 300 }
`)
let serving: Serving
const start = async (): Promise<void> => {
  serving = await serve(config!, { clock, rng: systemRng(), log: silentLog })
}
t.teardown(() => serving.stop())
const audited = async (): Promise<{ what: string; outcome: unknown; why: string }[]> =>
  serving.coordinator.console['audit.show']({ limit: 1_000 }).map(({ act, outcome }) => ({
    what: act.what,
    outcome,
    why: act.reason[0]?.why ?? '',
  }))

type Tls = { cert: string; key: string; ca: string }
type Answer = { status: number; body: Record<string, string> }

function post(path: string, body: unknown, tls: object = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port: serving.port, path, method: 'POST', agent: false as const }
    const sent = request({ ...where, rejectUnauthorized: false, ...tls }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Record<string, string> })
      })
    })
    sent.on('error', reject)
    sent.end(JSON.stringify(body))
  })
}

/** Opens a session and says hello; resolves when it is welcomed or refused. */
function knock(tls: Partial<Tls>, host: string, key: string): Promise<string> {
  return new Promise(resolve => {
    const ws = new WebSocket(`wss://127.0.0.1:${serving.port}/agent`, { ...tls, rejectUnauthorized: false })
    const journal = { seq: 0, hash: '0'.repeat(64) }
    const hello = { t: 'hello', protocol: PROTOCOL, host, site: 'a', bootId: 'b', version: '1', key, journal }
    ws.on('open', () => ws.send(encode(hello)))
    ws.on('message', bytes => {
      resolve(decode(fromCoordinatorSchema, bytes as Buffer).t)
      ws.terminate()
    })
    ws.on('close', (code, reason) => resolve(`${code} ${reason.toString()}`))
    ws.on('error', error => resolve(error.message))
  })
}

async function joined(host: string): Promise<{ tls: Tls; key: Awaited<ReturnType<typeof newHostKey>> }> {
  const { token } = (await serving.coordinator.console['token.create']({ by: 'test', host })) as {
    token: string
  }
  const key = await newHostKey(host)
  const { body, status } = await post('/join', { token, host, site: 'a', csr: key.csr })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return { tls: { cert: body['certificate']!, ca: body['ca']!, key: key.pem }, key }
}

t.test('who does not get a session, and the audit of it', async t => {
  shift = 0
  await start()
  const [one, two] = [await joined('h1'), await joined('h2')]
  const foreign = await newHostKey('h1')
  const cases: [string, RegExp, () => Promise<string>][] = [
    ['no certificate', /401/, () => knock({}, 'h1', one.key.fingerprint)],
    [
      'the certificate of another host',
      /certificate is of h2/,
      () => knock(two.tls, 'h1', two.key.fingerprint),
    ],
    ['another key than certified', /another key/, () => knock(one.tls, 'h1', foreign.fingerprint)],
  ]
  for (const [name, why, run] of cases) {
    const before = (await audited()).length
    t.match(await run(), why, name)
    const [entry] = (await audited()).slice(0, (await audited()).length - before)
    t.match(entry, { what: 'session.refused', outcome: 'refused' }, `${name}: audited`)
    t.equal(serving.coordinator.fleet.hosts().length, 0, `${name}: harmless`)
  }
  t.equal(await knock(one.tls, 'h1', one.key.fingerprint), 'welcome')

  const spent = await post('/join', { token: 'false.0', host: 'h9', site: 'a', csr: foreign.csr })
  t.equal(spent.status, 403)
  t.match((await audited())[0], { what: 'join.refused', outcome: 'refused' })
  t.equal(serving.coordinator.enrolment.list().length, 2)
  await serving.stop()
})

t.test(
  '60 days asleep: the certificate opens nothing but renewal, and renewed it works; revoked, not',
  async t => {
    shift = -60 * DAY
    await start()
    const [sleeper, thief] = [await joined('h3'), await joined('h4')]
    await serving.stop()
    shift = 0
    await start()
    t.match(await knock(sleeper.tls, 'h3', sleeper.key.fingerprint), /401/, 'expired: no session')
    await serving.coordinator.console['agents.revoke']({ host: 'h4', by: 'test', reason: 'stolen' })
    const refused = await post('/renew', { csr: thief.key.csr }, thief.tls)
    t.match(refused, { status: 403, body: { error: { message: /revoked/ } } })
    t.match((await audited())[0], { what: 'renew.refused', outcome: 'refused', why: /revoked/ })

    const renewed = await post('/renew', { csr: sleeper.key.csr }, sleeper.tls)
    t.equal(renewed.status, 200)
    const fresh = { ...sleeper.tls, cert: renewed.body['certificate']! }
    t.equal(await knock(fresh, 'h3', sleeper.key.fingerprint), 'welcome')
    const stranger = await newHostKey('h3')
    t.match(await post('/renew', { csr: stranger.csr }, sleeper.tls), { status: 403 }, 'with another key: no')
    await serving.stop()
  },
)

t.test('revoked while its certificate is good: no session, no renewal, no join with that key', async t => {
  await start()
  const host = await joined('h5')
  t.equal(await knock(host.tls, 'h5', host.key.fingerprint), 'welcome')
  await serving.coordinator.console['agents.revoke']({ host: 'h5', by: 'test', reason: 'stolen' })
  t.match(await knock(host.tls, 'h5', host.key.fingerprint), /revoked/)
  t.match(await post('/renew', { csr: host.key.csr }, host.tls), { status: 403 })
  const { token } = (await serving.coordinator.console['token.create']({ by: 'test' })) as { token: string }
  t.match(await post('/join', { token, host: 'h5', site: 'a', csr: host.key.csr }), { status: 403 })
  const again = await joined('h5')
  t.equal(
    await knock(again.tls, 'h5', again.key.fingerprint),
    'welcome',
    'the host, with a new key and token',
  )
  await serving.stop()
})

t.test(
  'the authority is lost: nobody gets in by it, all join again, and what hosts joined is still known',
  async t => {
    await start()
    const before = await joined('h6')
    await serving.stop()
    rmSync(trustDir(config!.dataDir), { recursive: true })
    await start()
    t.match(await knock(before.tls, 'h6', before.key.fingerprint), /401/, 'certified by the lost authority')
    t.match(await post('/renew', { csr: before.key.csr }, before.tls), { status: 403 })
    const { token } = (await serving.coordinator.console['token.create']({ by: 'test', host: 'h6' })) as {
      token: string
    }
    const { body } = await post('/join', { token, host: 'h6', site: 'a', csr: before.key.csr })
    const tls = { cert: body['certificate']!, ca: body['ca']!, key: before.key.pem }
    t.equal(await knock(tls, 'h6', before.key.fingerprint), 'welcome', 'with the key it always had')
  },
)
