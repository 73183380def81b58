import fc from 'fast-check'
import { Packr } from 'msgpackr'
import t from 'tap'
import { z } from 'zod'
import {
  decode,
  encode,
  fromAgentSchema,
  fromCoordinatorSchema,
  HeliotropeError,
  MAX_FRAME_BYTES,
} from '@heliotrope/shared'
import { fromAgent, fromCoordinator } from './samples.js'

const badFrame = { code: 'bad-frame' }
const anything = z.unknown()
const beat = fromAgent['beat-agent']
const golden = [...Object.values(fromAgent), ...Object.values(fromCoordinator)].map(encode)

/** Decodes by both schemas; anything but a value or bad-frame is a fault of ours. */
function survives(bytes: Uint8Array): boolean {
  for (const schema of [fromAgentSchema, fromCoordinatorSchema] as z.ZodType[])
    try {
      decode(schema, bytes)
    } catch (error) {
      if (!(error instanceof HeliotropeError) || error.code !== 'bad-frame') throw error
    }
  return true
}

/** What a hostile frame may have left behind in the decoder would show here. */
function stillWorks(): boolean {
  const bytes = golden[1] as Uint8Array
  return Buffer.compare(encode(decode(fromAgentSchema, bytes)), bytes) === 0
}

void t.test('random bytes never throw anything but bad-frame, and leave no trace', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => survives(bytes) && stillWorks()),
    { numRuns: 1000 },
  )
  t.pass()
})

void t.test('nor do mutated frames', async t => {
  const edit = fc.record({ at: fc.nat(2000), cut: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) })
  fc.assert(
    fc.property(
      fc.constantFrom(...golden),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      (frame, edits) => {
        let bytes = Buffer.from(frame)
        for (const { at, cut, put } of edits) {
          const place = at % (bytes.length + 1)
          bytes = Buffer.concat([bytes.subarray(0, place), put, bytes.subarray(place + cut)])
        }
        return survives(bytes) && stillWorks()
      },
    ),
    { numRuns: 1500 },
  )
  t.pass()
})

void t.test('nor does anything else that msgpack can say', async t => {
  const rich = new Packr({ moreTypes: true, structuredClone: true })
  const records = new Packr()
  const value = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
  })
  let told = 0
  fc.assert(
    fc.property(value, fc.constantFrom('report', 'hello', 'result', 'command'), (content, kind) => {
      for (const packer of [rich, records]) {
        let bytes: Uint8Array
        try {
          bytes = packer.pack({ ...fromAgent[kind], t: kind, report: content, body: content, value: content })
        } catch {
          continue
        }
        told++
        if (!survives(bytes) || !stillWorks()) return false
      }
      return true
    }),
    { numRuns: 500 },
  )
  t.ok(told > 500)
})

void t.test('truncated and trailing bytes', async t => {
  for (const frame of golden) {
    for (let length = 0; length < frame.length; length += 1 + (frame.length >> 6))
      t.throws(() => decode(anything, frame.subarray(0, length)), badFrame, `${length} of ${frame.length}`)
    t.throws(
      () => decode(anything, Buffer.concat([frame, Buffer.from([0xc0])])),
      badFrame,
      'one byte too many',
    )
    t.throws(() => decode(anything, Buffer.concat([frame, frame])), badFrame, 'two frames in one')
  }
})

void t.test('size: the largest frame passes, one byte more does not', async t => {
  const filled = (size: number): Uint8Array => encode('x'.repeat(size - 5))
  t.equal(filled(MAX_FRAME_BYTES).length, MAX_FRAME_BYTES)
  t.equal((decode(anything, filled(MAX_FRAME_BYTES)) as string).length, MAX_FRAME_BYTES - 5)
  t.throws(() => filled(MAX_FRAME_BYTES + 1), { code: 'bad-input', message: /1048577 bytes exceeds 1048576/ })
  t.throws(() => decode(anything, new Uint8Array(MAX_FRAME_BYTES + 1)), { ...badFrame, message: /exceeds/ })
})

void t.test('what claims to be huge allocates nothing', async t => {
  const claims = [
    [0xdd, 0xff, 0xff, 0xff, 0xff],
    [0xdf, 0xff, 0xff, 0xff, 0xff],
    [0xdb, 0xff, 0xff, 0xff, 0xff],
    [0xc6, 0xff, 0xff, 0xff, 0xff],
    [0xc9, 0xff, 0xff, 0xff, 0xff, 0x01],
  ]
  for (const claim of claims)
    t.throws(() => decode(anything, Uint8Array.from(claim)), badFrame, claim.join(' '))
  const nested = Buffer.concat(
    Array.from({ length: 1000 }, () => Buffer.from([0xdd, 0x00, 0x00, 0xff, 0xff])),
  )
  t.throws(() => decode(anything, nested), badFrame)
})

void t.test('nesting as deep as a frame can hold', async t => {
  for (const byte of [0x91, 0x81]) {
    const deep = Buffer.alloc(MAX_FRAME_BYTES, byte)
    t.throws(() => decode(fromAgentSchema, deep), badFrame)
  }
  const closed = Buffer.concat([Buffer.alloc(200_000, 0x91), Buffer.from([0xc0])])
  t.throws(() => decode(fromAgentSchema, closed), badFrame)
  const inside = Buffer.concat([
    Buffer.from([0x82]),
    encode('t'),
    encode('beat'),
    encode('x'),
    Buffer.alloc(900, 0x91),
    Buffer.from([0xc0]),
  ])
  t.same(decode(fromAgentSchema, inside), beat, 'an unknown member is dropped, however deep')
  t.ok(stillWorks())
})

void t.test('NaN, infinities, BigInt and numbers beyond 2^53', async t => {
  const ack = (seq: unknown): Uint8Array => encode({ t: 'ack', bootId: 'b', seq })
  t.same(decode(fromCoordinatorSchema, ack(Number.MAX_SAFE_INTEGER)), {
    t: 'ack',
    bootId: 'b',
    seq: 2 ** 53 - 1,
  })
  for (const bad of [
    NaN,
    Infinity,
    -Infinity,
    -1,
    1.5,
    2 ** 53,
    2n ** 60n,
    5n,
    '5',
    null,
    undefined,
    true,
    new Date(5),
  ])
    t.throws(() => decode(fromCoordinatorSchema, ack(bad)), badFrame, String(bad))
  const int64 = (high: number, low: number): Uint8Array => {
    const number = Buffer.alloc(9)
    number[0] = 0xcf
    number.writeUInt32BE(high, 1)
    number.writeUInt32BE(low, 5)
    const head = Buffer.from(encode({ t: 'ack', bootId: 'b', seq: 0 }))
    return Buffer.concat([head.subarray(0, -1), number])
  }
  t.throws(() => decode(fromCoordinatorSchema, int64(0xffffffff, 0xffffffff)), badFrame)
  t.throws(() => decode(fromCoordinatorSchema, int64(0x00200000, 1)), badFrame, '2^53 + 1 is not rounded')
  const welcome = fromCoordinator['welcome'] as object
  for (const bad of [NaN, Infinity, -1, 9e15])
    t.throws(() => decode(fromCoordinatorSchema, encode({ ...welcome, now: bad })), badFrame, `now ${bad}`)
})

void t.test('__proto__ and constructor are no way in', async t => {
  const evil = JSON.parse(
    '{"t":"beat","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  ) as object
  const decoded = decode(fromAgentSchema, encode(evil))
  t.same(Object.keys(decoded), ['t'])
  t.equal((decoded as { polluted?: boolean }).polluted, undefined)
  t.equal(({} as { polluted?: boolean }).polluted, undefined)
  const report = fromAgent['report'] as { report: object }
  const cpuS = JSON.parse('{"__proto__":1,"constructor":2,"dom0":3}') as object
  const message = { ...report, report: { ...report.report, cpuS } }
  try {
    const { report } = decode(fromAgentSchema, encode(message)) as {
      report: { cpuS: Record<string, number> }
    }
    t.equal(Object.getPrototypeOf(report.cpuS), Object.prototype)
    t.equal(typeof report.cpuS['toString'], 'function')
    t.equal(report.cpuS['dom0'], 3)
  } catch (error) {
    t.match(error, badFrame)
  }
})

void t.test('record definitions of msgpackr in one frame change nothing in the next', async t => {
  // Defines the record 0x40 = {t}, then uses it; afterwards the number 64 must again be the number 64.
  const define = Buffer.concat([Buffer.from([0xd4, 0x72, 0x40]), encode(['t']), encode('beat')])
  survives(define)
  t.equal(decode(anything, Uint8Array.from([0x40])), 64)
  t.throws(() => decode(anything, Uint8Array.from([0x40, 0xa0])), badFrame)
})

void t.test('references between values are refused', async t => {
  const rich = new Packr({ structuredClone: true, useRecords: false })
  const cycle: unknown[] = [1]
  cycle.push(cycle)
  t.throws(() => decode(anything, rich.pack(cycle)), badFrame)
})

void t.test('the wire is plain msgpack: maps as maps', async t => {
  const first = encode({ t: 'beat' })
  t.equal(Buffer.from(first).toString('hex'), 'de0001a174a462656174')
  const second = encode({ t: 'beat', more: 1 })
  t.equal(Buffer.from(first).toString('hex'), 'de0001a174a462656174', 'a later encode does not touch it')
  t.not(first.length, second.length)
})

void t.test('the message of a bad frame names the place', async t => {
  const place = (value: unknown): string => {
    try {
      decode(fromAgentSchema, encode(value))
    } catch (error) {
      return (error as Error).message
    }
    return 'decoded'
  }
  const { report } = fromAgent['report'] as { report: { domains: object[] } }
  const bent = { ...report, domains: [...report.domains, { ...report.domains[0], uuid: 'nonsense' }] }
  t.match(place({ t: 'report', report: bent }), /^report\.domains\.1\.uuid: /)
  t.match(place('text'), /^message: /)
  t.match(place({}), /^(message|t): /)
  t.throws(() => decode(anything, Uint8Array.from([0xa5])), {
    ...badFrame,
    message: /1 bytes is not msgpack/,
  })
})
