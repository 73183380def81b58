import { statSync } from 'node:fs'
import { decode, fromAgentSchema, memoryLog, VirtualClock } from '@heliotrope/shared'
import type { HostId, Report, SiteId } from '@heliotrope/shared'
import fc from 'fast-check'
import t from 'tap'
import { openReportBuffer } from '../src/report/buffer.js'
import type { BufferOptions, ReportBuffer } from '../src/report/buffer.js'

const report = (more: Partial<Report> = {}): Omit<Report, 'seq'> => ({
  host: 'a1' as HostId,
  site: 'a' as SiteId,
  bootId: 'boot-1',
  at: 0,
  full: false,
  samples: [],
  cpuS: { dom0: 1 },
  moves: [],
  alarms: [],
  ...more,
})
const open = (more: Partial<BufferOptions> = {}): ReportBuffer & { log: ReturnType<typeof memoryLog> } => {
  const log = memoryLog()
  return { ...openReportBuffer({ file: ':memory:', clock: new VirtualClock(), log, ...more }), log }
}
const all = (buffer: ReportBuffer): Report[] =>
  buffer.pending(0, 100_000).map(({ bytes }) => {
    const message = decode(fromAgentSchema, bytes)
    if (message.t !== 'report') throw new Error(message.t)
    return message.report
  })
const seqs = (buffer: ReportBuffer): number[] => all(buffer).map(one => one.seq)

t.test('numbered per boot, in order, kept until acknowledged', async t => {
  const buffer = open()
  for (let i = 0; i < 5; i++) buffer.append(report({ at: i }))
  buffer.append(report({ bootId: 'boot-2' }))
  t.strictSame(
    all(buffer).map(one => [one.bootId, one.seq]),
    [
      ['boot-1', 1],
      ['boot-1', 2],
      ['boot-1', 3],
      ['boot-1', 4],
      ['boot-1', 5],
      ['boot-2', 1],
    ],
  )
  const [first, second] = buffer.pending(0, 2)
  t.strictSame(buffer.pending(second!.id, 1)[0]?.seq, 3)
  t.equal(first?.seq, 1)
  buffer.acknowledge('boot-1', 3)
  t.strictSame(seqs(buffer), [4, 5, 1])
  buffer.acknowledge('boot-1', 3)
  buffer.acknowledge('boot-9', 99)
  t.strictSame(seqs(buffer), [4, 5, 1], 'a repeat or a foreign one changes nothing')
  t.match(buffer.standing(), { reports: 3, problem: undefined })
  buffer.acknowledge('boot-1', 5)
  buffer.acknowledge('boot-2', 1)
  t.strictSame(buffer.standing(), { reports: 0, bytes: 0, problem: undefined })
  buffer.append(report())
  t.strictSame(seqs(buffer), [6], 'numbers go on')
  buffer.close()
})

t.test('what was not acknowledged outlives the agent, and so do the numbers', async t => {
  const file = `${t.testdir({})}/reports.db`
  const first = open({ file })
  first.append(report())
  first.append(report())
  first.acknowledge('boot-1', 2)
  first.append(report())
  first.close()
  const second = open({ file })
  second.append(report())
  t.strictSame(seqs(second), [3, 4])
  t.equal(second.standing().reports, 2)
  second.close()
})

t.test('a buffer that was lost: numbers go on where the coordinator is', async t => {
  const buffer = open()
  buffer.append(report())
  t.equal(buffer.acknowledge('boot-1', 1), true)
  t.equal(buffer.acknowledge('boot-1', 500), false)
  buffer.append(report())
  t.strictSame(seqs(buffer), [501])
  buffer.close()
})

t.test('bounded: the oldest samples are thinned first, what else happened stays', async t => {
  const buffer = open({ maxBytes: 40_000 })
  const padding = { ['x'.repeat(40)]: 1 }
  for (let i = 0; i < 2_000; i++)
    buffer.append(report({ at: i, cpuS: padding, ...(i % 100 === 7 ? { domains: [] } : {}) }))
  const kept = all(buffer)
  t.ok(buffer.standing().bytes < 60_000, `${buffer.standing().bytes} bytes`)
  t.equal(kept.at(-1)?.seq, 2_000)
  t.strictSame(
    kept.map(one => one.seq),
    kept.map(one => one.seq).sort((a, b) => a - b),
  )
  const old = kept.slice(0, kept.length / 2)
  const young = kept.slice(kept.length / 2)
  const span = (some: Report[]): number => (some.at(-1)!.seq - some[0]!.seq) / some.length
  t.ok(span(old) > span(young), 'the older, the coarser')
  t.ok(kept.filter(one => one.domains).length >= 18, 'changes of domains are not thinned')
  buffer.close()
})

t.test('too old is dropped', async t => {
  const clock = new VirtualClock(0)
  const buffer = open({ clock, maxAgeMs: 1_000_000 })
  for (let i = 0; i < 300; i++) {
    await clock.advance(10_000)
    buffer.append(report({ at: clock.wall() }))
  }
  const oldest = all(buffer)[0]!.at
  t.ok(clock.wall() - oldest < 2_000_000, 'the oldest have gone')
  buffer.close()
})

t.test('a full disk: on in memory, said once, and back to the disk', async t => {
  const file = `${t.testdir({})}/reports.db`
  const buffer = open({ file, maxPages: 20, maxInMemory: 50 })
  const bulk = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}`.padStart(36, 'x'), i]))
  let n = 0
  while (buffer.standing().problem === undefined && n < 200) {
    buffer.append(report({ cpuS: bulk }))
    n++
  }
  t.match(buffer.standing().problem, /cannot be written: database or disk is full/)
  for (let i = 0; i < 20; i++) buffer.append(report({ cpuS: bulk }))
  t.strictSame(
    seqs(buffer),
    Array.from({ length: n + 20 }, (_, i) => i + 1),
    'nothing is lost, nothing is out of order',
  )
  t.equal(buffer.log.lines.filter(line => line.level === 'error').length, 1)
  for (let i = 0; i < 100; i++) buffer.append(report({ cpuS: bulk }))
  t.ok(buffer.standing().reports < n + 60, 'memory is bounded, too')
  t.equal(all(buffer).at(-1)?.seq, n + 120)
  t.ok(statSync(file).size <= 20 * 4096)
  buffer.acknowledge('boot-1', n + 110)
  buffer.append(report())
  t.equal(buffer.standing().problem, undefined, 'space again')
  t.equal(all(buffer).at(-1)?.seq, n + 121)
  buffer.close()
})

t.test('a report that no frame can hold is refused, and costs no number', async t => {
  const buffer = open()
  const huge = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`${i}`.padStart(36, 'x'), i]))
  t.throws(() => buffer.append(report({ cpuS: huge })), { code: 'bad-input' })
  buffer.append(report())
  t.strictSame(seqs(buffer), [1])
  buffer.close()
})

t.test('a damaged file is an error that says what to do', async t => {
  const dir = t.testdir({
    'reports.db': 'this is no database, and it is long enough to be looked at '.repeat(40),
  })
  t.throws(() => open({ file: `${dir}/reports.db` }), { code: 'unavailable', remedy: /may be removed/ })
  t.throws(() => open({ file: `${dir}/none/reports.db` }), { code: 'unavailable' })
})

t.test('any order of appends and acknowledgements keeps exactly what is not acknowledged', async () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant('add' as const), fc.nat(40)), { maxLength: 60 }), steps => {
      const buffer = open()
      let last = 0
      let acknowledged = 0
      for (const step of steps)
        if (step === 'add') {
          buffer.append(report())
          last++
        } else if (step <= last) {
          buffer.acknowledge('boot-1', step)
          acknowledged = Math.max(acknowledged, step)
        }
      const expected = Array.from({ length: last - acknowledged }, (_, i) => acknowledged + i + 1)
      const same = JSON.stringify(seqs(buffer)) === JSON.stringify(expected)
      const counted = buffer.standing().reports === expected.length
      buffer.close()
      return same && counted
    }),
    { numRuns: 50 },
  )
})
