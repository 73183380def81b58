import t from 'tap'
import type { Test } from 'tap'
import { request } from 'node:https'
import {
  encode,
  HeliotropeError,
  MAX_FRAME_BYTES,
  newSigner,
  PROTOCOL,
  silentLog,
  systemClock,
  systemRng,
  closeCodes,
} from '@heliotrope/shared'
import { WebSocket } from 'ws'
import { serve } from '../src/serve.js'
import type { Serving } from '../src/serve.js'
import { checkConfig } from '../src/config/load.js'
import { newHostKey } from './host-key.js'
import { shortDir } from './short-dir.js'

/** A whole coordinator on port 0 of the loopback, and a host that has joined it over HTTPS. */
async function running(t: Test) {
  const dir = shortDir(t)
  const { config } = checkConfig(`
data_dir: ${dir}/data
console_socket: ${dir}/s
listen: { host: 127.0.0.1, port: 0 }
server_names: [localhost, 127.0.0.1]
sites:
  - { id: a, latitude: 1, longitude: 2, grid_gco2eq_per_kwh: 300 }
`)
  if (!config) throw new HeliotropeError('internal', 'test config')
  const serving: Serving = await serve(config, { clock: systemClock(), rng: systemRng(), log: silentLog })
  t.teardown(() => serving.stop())
  const made = (await serving.coordinator.console['token.create']({ by: 'test' })) as { token: string }
  const key = await newHostKey('h1')
  const join = { token: made.token, host: 'h1', site: 'a', csr: key.csr }
  return { serving, key, join, port: serving.port }
}

function post(
  port: number,
  path: string,
  body: unknown,
  tls: object = {},
): Promise<{ status: number; body: Record<string, string> }> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path,
      method: 'POST',
      rejectUnauthorized: false,
      agent: false as const,
      ...tls,
    }
    const sent = request(options, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>,
        }),
      )
    })
    sent.on('error', reject)
    sent.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
}

/** Opens a session, sends what is given, and resolves with the close code and whether we were welcomed. */
function session(
  port: number,
  tls: object,
  messages: (Uint8Array | string)[],
): Promise<{ code: number; reason: string; welcomed: boolean }> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`wss://127.0.0.1:${port}/agent`, { ...tls, rejectUnauthorized: true })
    let welcomed = false
    ws.on('message', () => (welcomed = true))
    ws.on('open', () => messages.forEach(message => ws.send(message)))
    ws.on('close', (code, reason) => resolve({ code, reason: reason.toString(), welcomed }))
    ws.on('error', reject)
  })
}

t.test('join, sessions and bad frames over real TLS', async t => {
  const { serving, key, join, port } = await running(t)
  t.equal((await post(port, '/join', '{')).status, 400)
  t.equal((await post(port, '/join', { token: 1 })).status, 400)
  t.equal((await post(port, '/join', 'x'.repeat(20_000))).status, 400)
  t.equal((await post(port, '/nothing', {})).status, 404)
  t.match(await post(port, '/join', { ...join, token: 'false.1' }), {
    status: 403,
    body: { error: { code: 'unauthorised' } },
  })
  t.match(await post(port, '/renew', { csr: key.csr }), { status: 403 }, 'renewal needs a certificate')
  const joined = await post(port, '/join', join)
  t.match(joined, { status: 200, body: { host: 'h1', site: 'a' } })
  t.match(await post(port, '/join', join), { status: 403, body: { error: { message: /used/ } } })

  const tls = { cert: joined.body['certificate'] ?? '', key: key.pem, ca: joined.body['ca'] ?? '' }
  t.match(await post(port, '/renew', { csr: key.csr }, tls), { status: 200, body: { host: 'h1' } })

  const hello = (change: object = {}) =>
    encode({
      t: 'hello',
      protocol: PROTOCOL,
      host: 'h1',
      site: 'a',
      bootId: 'b',
      version: '1',
      key: key.fingerprint,
      journal: { seq: 0, hash: '0'.repeat(64) },
      ...change,
    })
  const good = hello()
  await t.rejects(session(port, { ca: tls.ca }, []), /401/, 'no certificate, no session')
  const cases: [string, (Uint8Array | string)[], number, boolean?][] = [
    ['random bytes', [Uint8Array.of(0xc1, 0xff, 0)], closeCodes.badFrame],
    ['text', ['hello'], closeCodes.badFrame],
    ['unknown message', [encode({ t: 'sing' })], closeCodes.badFrame],
    ['truncated', [good.subarray(0, good.length - 3)], closeCodes.badFrame],
    ['trailing bytes', [Buffer.concat([good, Buffer.of(1)])], closeCodes.badFrame],
    ['wrong version', [hello({ protocol: 99 })], closeCodes.wrongVersion],
    [
      'wrong version, other shape',
      [encode({ t: 'hello', protocol: 99, novel: true })],
      closeCodes.wrongVersion,
    ],
    ['oversized', [new Uint8Array(MAX_FRAME_BYTES + 1)], 1009],
    ['report before hello', [encode({ t: 'beat' }), encode({ t: 'beat' })], closeCodes.badFrame],
    ['another host', [hello({ host: 'h2' })], closeCodes.unauthorised],
    ['another key', [hello({ key: newSigner().fingerprint })], closeCodes.unauthorised],
    ['another site', [hello({ site: 'b' })], closeCodes.unauthorised],
    ['hello twice', [good, good], closeCodes.badFrame, true],
    ['bad after good', [good, encode({ t: 'report', report: { host: 'h1' } })], closeCodes.badFrame, true],
  ]
  for (const [name, messages, code, welcomed = false] of cases)
    t.match(await session(port, tls, messages), { code, welcomed }, name)
  t.match(await serving.coordinator.console.status(), { connected: 0 }, 'the coordinator lives')

  const kept = session(port, tls, [good])
  while (!(serving.coordinator.console.agents() as { connected: boolean }[])[0]?.connected)
    await new Promise(resolve => setImmediate(resolve))
  await serving.coordinator.console['agents.revoke']({ host: 'h1', by: 'test' })
  t.match(await kept, { code: closeCodes.unauthorised, welcomed: true }, 'revocation ends the session')
  t.match(await session(port, tls, [good]), { code: closeCodes.unauthorised, welcomed: false })
  t.match(await post(port, '/renew', { csr: key.csr }, tls), { status: 403 })
})
