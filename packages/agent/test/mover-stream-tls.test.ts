// The connections between two movers: who gets in, what is read, when a connection counts as lost. Real TLS on loopback.
import { randomBytes } from 'node:crypto'
import { connect as connectTcp } from 'node:net'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import { DAY, hostId, PROTOCOL, silentLog, systemClock, systemRng } from '@heliotrope/shared'
import type { GrantBody } from '@heliotrope/shared'
import { MAX_PEER_FRAME_BYTES } from '../src/mover/peer-messages.js'
import type { PeerMessage } from '../src/mover/peer-messages.js'
import { FrameReader, peerFrame } from '../src/mover/tls/frames.js'
import { tlsOptions } from '../src/mover/tls/identity.js'
import { PeerSource } from '../src/mover/tls/peer-source.js'
import { PeerTarget } from '../src/mover/tls/peer-target.js'
import { readInSlabs } from '../src/mover/tls/slab-reader.js'
import { grantBody, MOVE, TestCa, until } from './support/mover-fixture.js'
import type { TestHost } from './support/mover-fixture.js'

const clock = systemClock()
const ca = new TestCa(t.testdir({ own: {}, foreign: {} }) + '/own')
const foreign = new TestCa(t.testdirName + '/foreign')
const a = ca.host('a')
const b = ca.host('b')
const short = { beatMs: 30, silenceMs: 200, handshakeMs: 400 }

interface Setup {
  grant?: GrantBody
  own?: TestHost
  as?: TestHost
  times?: typeof short
  streamUsedBefore?: () => boolean
}

async function target(t: Test, setup: Setup = {}) {
  const peer = new PeerTarget({
    clock,
    log: silentLog,
    grant: setup.grant ?? grantBody(a, b),
    identity: (setup.own ?? b).identity,
    address: '127.0.0.1',
    port: 0,
    streamUsedBefore: setup.streamUsedBefore ?? (() => false),
    ...setup.times,
  })
  const heard: PeerMessage[] = []
  peer.onMessage = message => heard.push(message)
  await peer.start()
  t.teardown(() => peer.stop())
  return { peer, heard }
}

function source(t: Test, port: number, setup: Setup = {}) {
  const peer = new PeerSource({
    clock,
    log: silentLog,
    rng: systemRng(),
    grant: setup.grant ?? grantBody(a, b),
    identity: (setup.as ?? a).identity,
    address: '127.0.0.1',
    port,
    ...setup.times,
  })
  const heard: PeerMessage[] = []
  peer.onMessage = message => heard.push(message)
  t.teardown(() => peer.stop())
  return { peer, heard }
}

/** A client that does not keep to the rules; resolves with what it was sent until it was cut off. */
function rogue(port: number, as: TestHost | undefined, say: (socket: TLSSocket) => void): Promise<Buffer> {
  return new Promise(resolve => {
    const options = as
      ? tlsOptions(as.identity)
      : { rejectUnauthorized: false, minVersion: 'TLSv1.3' as const }
    const got: Buffer[] = []
    const socket = connect({ ...options, host: '127.0.0.1', port }, () => say(socket))
    socket.on('data', (chunk: Buffer) => got.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(got)))
  })
}
const hello = (channel: 'control' | 'stream', change: object = {}): Buffer =>
  peerFrame({ t: 'hello', protocol: PROTOCOL, move: MOVE, channel, ...change })

t.test('two movers talk, both ways, and the last word arrives', async t => {
  const there = await target(t)
  const here = source(t, there.peer.port)
  let changes = 0
  here.peer.onChange = () => changes++
  await here.peer.start()
  await until(() => here.peer.connected && there.peer.connected)
  here.peer.send({ t: 'closed' })
  there.peer.send({ t: 'listening' })
  there.peer.send({ t: 'ready' })
  await until(() => there.heard.length === 1 && here.heard.length === 2)
  t.same(here.heard, [{ t: 'listening' }, { t: 'ready' }])
  there.peer.send({ t: 'done' })
  await there.peer.stop()
  await until(() => here.heard.length === 3)
  t.same(here.heard.at(-1), { t: 'done' }, 'said just before stop')
  await until(() => changes === 2)
  t.equal(here.peer.connected, false)
})

t.test('the source comes back after a loss, and the newest connection counts', async t => {
  const there = await target(t)
  const { port } = there.peer
  const here = source(t, port)
  await here.peer.start()
  await until(() => here.peer.connected)
  const second = source(t, port)
  await second.peer.start()
  await until(() => second.peer.connected)
  await until(() => !here.peer.connected)
  await second.peer.stop()
  await until(() => here.peer.connected && there.peer.connected)
  there.peer.send({ t: 'listening' })
  await until(() => here.heard.length === 1)
  t.pass('connected again, by itself')
})

t.test('silence ends the connection on both sides', async t => {
  const there = await target(t, { times: short })
  const socket = await new Promise<TLSSocket>(resolve => {
    const open = connect({ ...tlsOptions(a.identity), host: '127.0.0.1', port: there.peer.port }, () =>
      resolve(open),
    )
  })
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(hello('control'))
  await until(() => there.peer.connected)
  socket.pause()
  await until(() => !there.peer.connected)
  t.pass('the target holds a silent source for lost')
})

t.test('beats keep a connection up that has nothing to say', async t => {
  const times = { beatMs: 50, silenceMs: 1_000, handshakeMs: 5_000 }
  const there = await target(t, { times })
  const here = source(t, there.peer.port, { times })
  let lost = 0
  await here.peer.start()
  await until(() => here.peer.connected)
  here.peer.onChange = () => lost++
  await new Promise(resolve => setTimeout(resolve, 1.5 * times.silenceMs))
  t.equal(lost, 0)
  t.same([here.heard, there.heard], [[], []], 'beats are not handed on')
})

const strangers: [string, () => { as: TestHost | undefined; grant?: GrantBody }][] = [
  ['no certificate', () => ({ as: undefined })],
  ['another CA, same name', () => ({ as: foreign.host('a') })],
  ['another host of our CA', () => ({ as: ca.host('c') })],
  ['the same name with another key', () => ({ as: ca.host('a') })],
  [
    'the key that is granted, under another name',
    () => {
      const c = ca.host('c')
      return {
        as: c,
        grant: { ...grantBody(c, b), from: { host: hostId('a'), key: c.fingerprint, bootId: 'x' } },
      }
    },
  ],
  [
    'a certificate that ran out before the grant',
    () => {
      const old = ca.host('a', 1)
      return { as: old, grant: grantBody(old, b, Date.now() + 2 * DAY) }
    },
  ],
]
for (const [name, make] of strangers)
  t.test(`not let in: ${name}`, async t => {
    const { as, grant } = make()
    const there = await target(t, grant ? { grant } : {})
    let streams = 0
    there.peer.onStream = () => streams++
    for (const channel of ['control', 'stream'] as const)
      t.equal((await rogue(there.peer.port, as, socket => socket.write(hello(channel)))).length, 0)
    t.equal(there.peer.connected, false)
    t.equal(streams, 0)
  })

t.test('a certificate that runs out during the move does not end it', async t => {
  const past = Date.now() - 10 * DAY
  const expired = ca.host('a', -1)
  const grant = grantBody(expired, b, past)
  const there = await target(t, { grant })
  const here = source(t, there.peer.port, { grant, as: expired })
  await here.peer.start()
  await until(() => here.peer.connected)
  t.pass('valid when the grant was given')
})

t.test('the source talks to nobody but the host of the grant', async t => {
  for (const [name, own] of [
    ['another key', ca.host('b')],
    ['another CA', foreign.host('b')],
    ['another host', ca.host('c')],
  ] as const) {
    const there = await target(t, { own })
    const here = source(t, there.peer.port)
    await t.rejects(here.peer.openStream(), { code: 'unavailable', cause: { code: 'unauthorised' } }, name)
  }
  const nobody = source(t, 1)
  await t.rejects(nobody.peer.openStream(), { code: 'unavailable', message: /mover of b at 127\.0\.0\.1:1/ })
})

const wrong: [string, Buffer][] = [
  ['another protocol', hello('control', { protocol: PROTOCOL + 1 })],
  ['another move', hello('control', { move: 'f'.repeat(26) })],
  ['no hello', peerFrame({ t: 'ready' })],
  ['no msgpack', Buffer.from([0, 0, 0, 2, 0xc1, 0xc1])],
  ['an endless frame', Buffer.from([0x7f, 0, 0, 0])],
]
for (const [name, bytes] of wrong)
  t.test(`cut off: ${name}`, async t => {
    const there = await target(t)
    t.equal((await rogue(there.peer.port, a, socket => socket.write(bytes))).length, 0)
    t.equal(there.peer.connected, false)
    const here = source(t, there.peer.port)
    await here.peer.start()
    await until(() => here.peer.connected)
    t.pass('and the target lives')
  })

t.test('a bad frame after the hello ends the session, not the target', async t => {
  const there = await target(t)
  const bad = Buffer.concat([hello('control'), Buffer.from([0, 0, 0, 1, 0xc1])])
  await rogue(there.peer.port, a, socket => socket.write(bad))
  t.equal(there.peer.connected, false)
})

t.test('who says nothing is cut off in time, and cannot keep others out', async t => {
  const there = await target(t, { times: short })
  const silent = Array.from({ length: 40 }, () => connectTcp(there.peer.port, '127.0.0.1'))
  const closed = silent.map(
    socket => new Promise(resolve => void socket.on('error', () => {}).on('close', resolve)),
  )
  for (const socket of silent) socket.resume()
  await Promise.all(closed)
  const here = source(t, there.peer.port)
  await here.peer.start()
  await until(() => here.peer.connected)
  t.pass('all 40 were closed, the source got in')
})

t.test('one stream a move, once', async t => {
  let used = false
  const there = await target(t, { streamUsedBefore: () => used })
  const streams: TLSSocket[] = []
  const here = source(t, there.peer.port)
  const refused = async (): Promise<void> => {
    const stream = await here.peer.openStream()
    stream.on('error', () => {})
    stream.resume()
    await until(() => stream.destroyed)
  }
  await refused()
  t.pass('not before somebody waits for it')
  there.peer.onStream = stream => streams.push(stream)
  used = true
  await refused()
  t.equal(streams.length, 0, 'not when an earlier process had it')
  used = false
  await here.peer.openStream()
  await until(() => streams.length === 1)
  await refused()
  t.equal(streams.length, 1, 'not twice')
})

for (const plain of [false, true])
  t.test(
    `${plain ? 'plain' : 'own buffers'}: every byte of the stream arrives in order, also those behind the hello`,
    async t => {
      const there = await target(t)
      const got: Buffer[] = []
      let size = 0
      let ended = false
      there.peer.onStream = stream => {
        let waiting: (() => void)[] = []
        const reader = readInSlabs(
          stream,
          (bytes, done) => {
            // Copied late, to see that nobody overwrites what is not done; paused in between, as a slow xl does.
            waiting.push(() => {
              got.push(Buffer.from(bytes))
              size += bytes.length
              done()
            })
            if (waiting.length < 4) return
            reader.pause()
            setTimeout(() => {
              for (const late of waiting.splice(0)) late()
              reader.resume()
            }, 2)
          },
          plain,
        )
        t.equal(stream.listenerCount('data') === 0, !plain, 'the way that is meant is taken')
        stream.on('end', () => {
          setTimeout(() => {
            for (const late of waiting) late()
            waiting = []
            ended = true
          }, 20)
        })
      }
      const sent = randomBytes(3_000_000)
      const socket = connect({ ...tlsOptions(a.identity), host: '127.0.0.1', port: there.peer.port })
      t.teardown(() => socket.destroy())
      socket.write(Buffer.concat([hello('stream'), sent.subarray(0, 5000)]))
      for (let at = 5000; at < sent.length; at += 70_001) socket.write(sent.subarray(at, at + 70_001))
      socket.end()
      await until(() => ended)
      t.equal(size, sent.length)
      t.ok(Buffer.concat(got).equals(sent))
    },
  )

t.test('property: frames survive any cut', t => {
  const messages: PeerMessage[] = [
    { t: 'ready' },
    { t: 'hello', protocol: PROTOCOL, move: MOVE, channel: 'control' },
    { t: 'beat' },
  ]
  const bytes = Buffer.concat(messages.map(peerFrame))
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), cuts => {
      const reader = new FrameReader()
      const places = [0, ...cuts.sort((x, y) => x - y), bytes.length]
      const read: PeerMessage[] = []
      for (let i = 1; i < places.length; i++) {
        let message = reader.next(bytes.subarray(places[i - 1], places[i]))
        for (; message !== undefined; message = reader.next()) read.push(message)
      }
      return JSON.stringify(read) === JSON.stringify(messages) && reader.takeRest().length === 0
    }),
  )
  const reader = new FrameReader()
  const long = Buffer.alloc(4)
  long.writeUInt32BE(MAX_PEER_FRAME_BYTES + 1)
  t.throws(() => reader.next(long), { code: 'bad-frame' })
  t.end()
})
