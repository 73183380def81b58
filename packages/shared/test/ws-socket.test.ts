/** The socket on a real WebSocket over real TLS, port 0 of 127.0.0.1, certificates made here. */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { X509Certificate } from '@peculiar/x509'
import t from 'tap'
import type { Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { closeCodes, fingerprintOf, MAX_FRAME_BYTES, wsSocket } from '@heliotrope/shared'
import type { Socket } from '@heliotrope/shared'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const generate = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])

interface Identity {
  certificate: X509Certificate
  keys: webcrypto.CryptoKeyPair
  cert: string
  key: string
}

async function identity(subject: string, issuer?: Identity): Promise<Identity> {
  const keys = await generate()
  const certificate = await X509CertificateGenerator.create({
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8)))
      .toString('hex')
      .replace(/^./, '1'),
    subject,
    issuer: issuer?.certificate.subject ?? subject,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 3_600_000),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    extensions: [
      new BasicConstraintsExtension(issuer === undefined, undefined, true),
      new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
    ],
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`
  return { certificate, keys, cert: certificate.toString('pem'), key }
}

const ca = await identity('CN=ca')
const server = await identity('CN=coordinator', ca)
const member = await identity('CN=north-1.example, O=Heliotrope', ca)
const stranger = await identity('CN=north-1.example')

interface Pair {
  server: Socket
  client: Socket
  raw: WebSocket
}

/** A client and what the server made of it; everything is closed at the end of the test. */
async function connect(t: Test, who?: Identity): Promise<Pair> {
  const https = createServer({
    cert: server.cert,
    key: server.key,
    ca: ca.cert,
    requestCert: true,
    rejectUnauthorized: false,
  })
  const wss = new WebSocketServer({ server: https, maxPayload: MAX_FRAME_BYTES })
  await new Promise<void>(resolve => https.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<Socket>(resolve =>
    wss.on('connection', (ws, request) => resolve(wsSocket(ws, request.socket as TLSSocket))),
  )
  const { port } = https.address() as AddressInfo
  const raw = new WebSocket(`wss://127.0.0.1:${port}`, {
    ca: ca.cert,
    cert: who?.cert,
    key: who?.key,
  })
  const clientSocket = wsSocket(raw)
  t.teardown(async () => {
    wss.clients.forEach(ws => ws.terminate())
    raw.terminate()
    https.closeAllConnections()
    await new Promise(resolve => https.close(resolve))
  })
  await new Promise((resolve, reject) => raw.once('open', resolve).once('error', reject))
  return { server: await accepted, client: clientSocket, raw }
}

const closed = (socket: Socket): Promise<{ code: number; reason: string }> =>
  new Promise(resolve => (socket.onClose = (code, reason) => resolve({ code, reason })))
const message = (socket: Socket): Promise<Uint8Array> => new Promise(resolve => (socket.onMessage = resolve))

void t.test('carries whole messages both ways', async t => {
  const { server, client } = await connect(t, member)
  const there = message(server)
  client.send(Uint8Array.from([1, 2, 3]))
  t.same([...(await there)], [1, 2, 3])
  const big = new Uint8Array(MAX_FRAME_BYTES).fill(7)
  const back = message(client)
  server.send(big)
  t.equal(Buffer.compare(await back, big), 0)
  t.equal(client.queuedBytes, 0)
})

void t.test('peer: name and key of the certificate that TLS has verified', async t => {
  const known = await connect(t, member)
  const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', member.keys.publicKey))
  t.same(known.server.peer, { name: 'north-1.example', key: fingerprintOf(spki) })
  t.equal(known.client.peer, undefined, 'no TLS socket was given')
  const nobody = await connect(t)
  t.equal(nobody.server.peer, undefined, 'without a certificate')
  const forged = await connect(t, stranger)
  t.equal(forged.server.peer, undefined, 'with one that another CA signed')
})

void t.test('a text frame ends the session with badFrame', async t => {
  const { server, client, raw } = await connect(t, member)
  server.onMessage = () => t.fail('no text is passed on')
  const gone = closed(client)
  raw.send('text')
  raw.send(Uint8Array.from([1]))
  t.same(await gone, { code: closeCodes.badFrame, reason: 'text frame' })
})

void t.test('close codes pass, and both sides are told once', async t => {
  for (const code of Object.values(closeCodes)) {
    const { server, client } = await connect(t, member)
    const here = closed(server)
    const there = closed(client)
    server.close(code, 'because')
    server.close(closeCodes.bye, 'twice')
    t.same(await there, { code, reason: 'because' })
    t.same(await here, { code, reason: 'because' })
    client.send(Uint8Array.from([1]))
    client.close(closeCodes.bye, 'too late')
  }
})

void t.test('a reason too long for the wire is cut, whatever its letters', async t => {
  for (const reason of ['x'.repeat(500), 'ä'.repeat(120), '\u{1f33b}'.repeat(60), '\ud83c'.repeat(120)]) {
    const { server, client } = await connect(t, member)
    const there = closed(client)
    server.close(closeCodes.badFrame, reason)
    const seen = await there
    t.equal(seen.code, closeCodes.badFrame)
    t.ok(Buffer.byteLength(seen.reason) > 100 && Buffer.byteLength(seen.reason) <= 123, seen.reason)
  }
})

void t.test('after close no message is passed on', async t => {
  const { server, client, raw } = await connect(t, member)
  const gone = closed(server)
  server.onMessage = () => t.fail('came after the close')
  server.close(closeCodes.overloaded, 'enough')
  raw.send(Uint8Array.from([1]))
  t.equal((await gone).code, closeCodes.overloaded)
  client.close(closeCodes.bye, '')
})

void t.test('a frame beyond the bound ends the session', async t => {
  const { server, raw } = await connect(t, member)
  server.onMessage = () => t.fail('is not passed on')
  const gone = closed(server)
  const told = new Promise(resolve => raw.once('close', resolve))
  raw.send(new Uint8Array(MAX_FRAME_BYTES + 1))
  t.match(await gone, { code: 1006, reason: /payload/ })
  t.equal(await told, 1009)
})

void t.test('a connection that is torn down is a close, too', async t => {
  const { server, raw } = await connect(t, member)
  const gone = closed(server)
  raw.terminate()
  t.equal((await gone).code, 1006)
})
