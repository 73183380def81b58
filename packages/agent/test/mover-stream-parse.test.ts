// The reader of the migration stream: any cut of the same bytes reads the same, and nothing wrong gets through.
import fc from 'fast-check'
import t from 'tap'
import { HeliotropeError, VirtualClock } from '@heliotrope/shared'
import { MAX_CONFIG_BYTES } from '../src/mover/stream/format.js'
import { MigrationStream } from '../src/mover/stream/migration-stream.js'
import { PageAccounts } from '../src/mover/stream/page-accounts.js'
import { RateLimit } from '../src/mover/stream/rate-limit.js'
import {
  configBytes,
  pageRecord,
  record,
  streamHead,
  streamTail,
  syntheticBytes,
} from '../src/mover/stream/synthetic.js'
import { TransferMeter } from '../src/mover/stream/transfer-meter.js'

const config = { c_info: { name: 'web' } }
const guest = { config, pages: 70, dirty: [9, 3], batch: 16 }
const whole = syntheticBytes(guest)

interface Reading {
  phase: string
  bytes: number
  counts: object
  config: string | undefined
  rest: number
}

/** Reads in chunks; `rest` counts what came behind the END. */
function readIn(chunks: Uint8Array[]): Reading {
  const stream = new MigrationStream()
  let rest = 0
  for (const chunk of chunks) {
    let at = 0
    while (at < chunk.length && stream.phase !== 'ended') at = stream.push(chunk, at)
    rest += chunk.length - at
  }
  const { phase, bytes } = stream
  return { phase, bytes, counts: stream.accounts.counts(), config: stream.config?.toString(), rest }
}

function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const at = [0, ...[...places].sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((to, i) => bytes.subarray(at[i], to))
}

t.test('a whole stream', t => {
  const read = readIn([Buffer.concat([whole, Buffer.from('GO and more')])])
  t.same(read, {
    phase: 'ended',
    bytes: whole.length,
    counts: { pages: 82, dirtied: 12, round: 3 },
    config: configBytes(config).toString(),
    rest: 11,
  })
  t.end()
})

t.test('property: however it is cut, it reads the same', t => {
  const expected = readIn([whole])
  // Cuts anywhere, and many in the headers, where they hurt.
  const places = fc.array(fc.oneof(fc.nat(whole.length), fc.nat(600)), { maxLength: 60 })
  fc.assert(fc.property(places, at => JSON.stringify(readIn(cut(whole, at))) === JSON.stringify(expected)))
  t.same(readIn([...whole].map(byte => Uint8Array.of(byte))), expected, 'byte by byte')
  t.end()
})

t.test('property: a stream that is cut off is never taken for whole', t => {
  fc.assert(
    fc.property(fc.nat(whole.length - 1), length => readIn([whole.subarray(0, length)]).phase !== 'ended'),
  )
  t.pass('at no place')
  t.end()
})

t.test('property: no flipped byte makes it throw anything but our error, or read beyond the end', t => {
  fc.assert(
    fc.property(fc.nat(900), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bent = Buffer.from(whole)
      bent[at] = bent[at]! ^ flip
      try {
        return readIn([bent]).bytes <= whole.length
      } catch (error) {
        return error instanceof HeliotropeError && error.code === 'bad-frame'
      }
    }),
  )
  t.pass('none')
  t.end()
})

t.test('phases, in their order', t => {
  const stream = new MigrationStream()
  const seen = [stream.phase]
  for (const byte of whole) {
    stream.push(Uint8Array.of(byte))
    if (seen.at(-1) !== stream.phase) seen.push(stream.phase)
  }
  t.same(seen, ['header', 'config', 'start', 'memory', 'state', 'devices', 'ended'])
  t.end()
})

t.test('what is refused, and how it is named', t => {
  const head = streamHead(config)
  const libxl = head.indexOf('LibxlFmt')
  const bend = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(whole)
    change(bytes)
    return bytes
  }
  /** A record that says it is 4 GiB long. */
  const endless = (type: number): Buffer => {
    const out = record(type, Buffer.alloc(0))
    out.writeUInt32LE(0xffffffff, 4)
    return out
  }
  const cases: [string, Buffer, RegExp][] = [
    ['another magic', bend(b => b.write('Yen', 0)), /near byte 0: not a stream of xl/],
    ['byte order', bend(b => b.writeUInt32BE(0x01020304, 32)), /byte order/],
    ['no JSON', bend(b => b.writeUInt32LE(2, 36)), /mandatory flags 2/],
    ['a huge config', bend(b => b.writeUInt32LE(MAX_CONFIG_BYTES + 1, 48)), /config of 1048577 bytes/],
    ['lengths that differ', bend(b => b.writeUInt32LE(7, 44)), /in a header part of 7/],
    ['config without NUL', bend(b => b.writeUInt8(32, libxl - 1)), /NUL/],
    ['libxl version', bend(b => b.writeUInt32BE(3, libxl + 8)), /libxl version 3/],
    ['libxl options', bend(b => b.writeUInt32BE(2, libxl + 12)), /libxl options 2/],
    ['checkpoints', bend(b => b.writeUInt32LE(4, libxl + 16)), /libxl record 4/],
    [
      'a huge libxl record',
      Buffer.concat([head.subarray(0, libxl + 16), endless(3)]),
      /libxl record 3 of 4294967295/,
    ],
    [
      'END before the image',
      Buffer.concat([head.subarray(0, libxl + 16), record(0, Buffer.alloc(0))]),
      /before the image/,
    ],
    ['libxc marker', bend(b => b.writeUInt8(0, libxl + 24)), /no libxc image/],
    ['libxc version', bend(b => b.writeUInt32BE(2, libxl + 36)), /libxc version 2/],
    ['big endian image', bend(b => b.writeUInt16BE(1, libxl + 40)), /little endian/],
    ['domain type', bend(b => b.writeUInt32LE(9, libxl + 48)), /domain type 9/],
    ['page shift', bend(b => b.writeUInt16LE(16, libxl + 52)), /page shift 16/],
    ['a huge libxc record', Buffer.concat([head, endless(9)]), /libxc record 9 of 4294967295/],
    ['checkpoint in the image', Buffer.concat([head, record(0xe, Buffer.alloc(0))]), /checkpointed/],
    [
      'no pages in a page record',
      Buffer.concat([head, record(1, Buffer.alloc(16))]),
      /page record with 0 pages/,
    ],
    [
      'more pages than bytes',
      Buffer.concat([head, record(1, Buffer.alloc(16, 0xff))]),
      /page record with 4294967295 pages/,
    ],
    [
      'data that is missing',
      Buffer.concat([head, record(1, Buffer.concat([pageRecord(0, 1).subarray(8, 4000)]))]),
      /page data for 1 pages/,
    ],
    [
      'pages after the state',
      Buffer.concat([head, pageRecord(0, 1), streamTail().subarray(0, 32), pageRecord(0, 1)]),
      /pages after the state/,
    ],
    [
      'a second image',
      Buffer.concat([head, streamTail().subarray(0, -8), record(1, Buffer.alloc(0))]),
      /second image/,
    ],
  ]
  for (const [name, bytes, says] of cases)
    t.throws(() => readIn([bytes]), { code: 'bad-frame', message: says }, name)
  t.end()
})

t.test('pages without data are not counted, and bring none', t => {
  const body = Buffer.alloc(8 + 3 * 8 + 4096)
  body.writeUInt32LE(3, 0)
  body.writeBigUInt64LE(0xf000000000000005n, 8)
  body.writeBigUInt64LE(0x0000000000000006n, 16)
  body.writeBigUInt64LE(0xd000000000000007n, 24)
  const read = readIn([Buffer.concat([streamHead(config), record(1, body), streamTail()])])
  t.match(read, { phase: 'ended', counts: { pages: 1 } })
  t.end()
})

t.test('rounds: the order falls and a page comes again', t => {
  const accounts = new PageAccounts()
  for (const pfn of [0, 1, 2, 100_000, 3, 4]) accounts.saw(pfn)
  t.same(accounts.counts(), { pages: 6, dirtied: 0, round: 1 }, 'a late page of the first pass is no round')
  for (const pfn of [1, 2, 4]) accounts.saw(pfn)
  t.same(accounts.counts(), { pages: 9, dirtied: 3, round: 2 })
  for (const pfn of [2]) accounts.saw(pfn)
  t.same(accounts.counts(), { pages: 10, dirtied: 4, round: 3 })
  t.end()
})

t.test('the bitmap is bounded: pages beyond it count as sent only', t => {
  const accounts = new PageAccounts(32768)
  for (const pfn of [5, 40_000, 5, 40_000, 2 ** 50]) accounts.saw(pfn)
  t.same(accounts.counts(), { pages: 5, dirtied: 1, round: 2 })
  t.end()
})

t.test('property: counts are those of a set', t => {
  fc.assert(
    fc.property(fc.array(fc.nat(200_000)), pfns => {
      const accounts = new PageAccounts()
      for (const pfn of pfns) accounts.saw(pfn)
      return accounts.pages === pfns.length && accounts.dirtied === pfns.length - new Set(pfns).size
    }),
  )
  t.pass('always')
  t.end()
})

t.test('rate limit: the mean is kept, and the limit can be lifted', async t => {
  const clock = new VirtualClock()
  const limit = new RateLimit(clock, 1_000_000)
  let sent = 0
  while (clock.mono() < 10_000) {
    sent += 65_536
    await clock.advance(limit.spend(65_536))
  }
  t.ok(Math.abs(sent - 10_000_000) < 250_000, `${sent} bytes in 10 s`)
  limit.lift()
  t.equal(limit.spend(1e9), 0)
  t.equal(new RateLimit(clock, 0).spend(1e9), 0, '0 = no limit')
})

t.test('progress: rate over the last seconds, what is left of the first pass', async t => {
  const clock = new VirtualClock()
  const stream = new MigrationStream()
  const meter = new TransferMeter(clock, stream, 70)
  t.match(meter.progress(), { bytes: 0, rateBps: 0, remainingPages: 70 })
  const step = Math.ceil(whole.length / 20)
  for (let at = 0; at < whole.length; at += step) {
    const chunk = whole.subarray(at, at + step)
    for (let read = 0; read < chunk.length;) read = stream.push(chunk, read)
    meter.note()
    await clock.advance(1_000)
  }
  const { rateBps, remainingPages, bytes } = meter.progress()
  t.equal(bytes, whole.length)
  t.ok(rateBps > step * 0.7 && rateBps <= step, `${rateBps} of ${step} bytes a second`)
  t.equal(remainingPages, 0)
})
