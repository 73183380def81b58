import { spawn } from 'node:child_process'
import { chmodSync, utimesSync, writeFileSync } from 'node:fs'
import { HeliotropeError, memoryLog, settle, systemClock, VirtualClock } from '@heliotrope/shared'
import type { Sample } from '@heliotrope/shared'
import fc from 'fast-check'
import t from 'tap'
import { commandMeter } from '../src/drivers/meter/command.js'
import { fileMeter } from '../src/drivers/meter/file.js'
import { defaultQualityRules, QualityJudge } from '../src/drivers/meter/quality.js'
import type { QualityRules, Reading } from '../src/drivers/meter/quality.js'
import { wattsIn } from '../src/drivers/meter/units.js'
import { systemExec } from '../src/exec.js'
import { hostFiles } from '../src/files.js'
import type { Meter } from '../src/ports.js'
import { createMeters } from '../src/sense/meters.js'

const signal = new AbortController().signal
const failed = { code: 'meter-failed' }

t.test('numbers with units', async t => {
  t.equal(wattsIn(' 512.5\n', 'W'), 512.5)
  t.equal(wattsIn('0.5', 'kW'), 500)
  t.equal(wattsIn('1500', 'mW'), 1.5)
  t.equal(wattsIn('0.5 kW', 'W'), 500, 'a unit in the text wins')
  t.equal(wattsIn('-3e2', 'W'), -300)
  t.equal(wattsIn('{"a/b":{"~":[1,{"p":"7.5"}]}}', 'W', '/a~1b/~0/1/p'), 7.5)
  for (const text of ['', 'NaN', 'Infinity', '0x10', '1,5', '5 VA', '12 13', '1e', 'null', '5\n6'])
    t.throws(() => wattsIn(text, 'W'), failed, JSON.stringify(text))
  t.throws(() => wattsIn('{', 'W', '/a'), { ...failed, message: /not JSON/ })
  t.throws(() => wattsIn('{"a":1}', 'W', '/b'), { ...failed, message: /nothing at \/b/ })
  t.throws(() => wattsIn('{"a":{}}', 'W', '/a'), { ...failed, message: /no number at/ })
  t.throws(() => wattsIn('{"a":1}', 'W', '/__proto__/x'), failed)
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      n => wattsIn(String(n), 'W') === n || n === 0,
    ),
  )
})

t.test('a file, as old as its last change', async t => {
  const root = t.testdir({ sun: '100\n', bad: 'soon\n' })
  const meter = (path: string): Meter =>
    fileMeter(hostFiles(root), { name: 'm', role: 'green-power', path, unit: 'W' })
  utimesSync(`${root}/sun`, 1000, 1234)
  t.strictSame(await meter('/sun').read(signal), { valueW: 100, at: 1_234_000 })
  await t.rejects(meter('/none').read(signal), {
    ...failed,
    message: /\/none does not exist/,
    remedy: /running/,
  })
  await t.rejects(meter('/bad').read(signal), { ...failed, message: /\/bad: "soon" is not a number/ })
  await t.rejects(meter('/').read(signal), failed)
})

t.test('a command, as old as its run', async t => {
  const root = t.testdir({
    watts: '#!/bin/sh\necho "{\\"w\\": $1}"\n',
    fails: '#!/bin/sh\necho no device >&2; exit 3\n',
  })
  for (const name of ['watts', 'fails']) chmodSync(`${root}/${name}`, 0o755)
  const ports = {
    clock: new VirtualClock(5_000),
    exec: systemExec({ spawn, clock: systemClock(), env: { PATH: '/usr/bin:/bin' } }),
  }
  const meter = (argv: [string, ...string[]]): Meter =>
    commandMeter(ports, { name: 'm', role: 'load', argv, unit: 'kW', pointer: '/w', timeoutMs: 5_000 })
  t.strictSame(await meter([`${root}/watts`, '2']).read(signal), { valueW: 2_000, at: 5_000 })
  await t.rejects(meter([`${root}/fails`]).read(signal), { ...failed, message: /ended with 3: no device/ })
  await t.rejects(meter([`${root}/none`]).read(signal), { code: 'exec-failed' })
})

const rules = (more: Partial<QualityRules> = {}): QualityRules => ({ ...defaultQualityRules, ...more })

t.test('quality: what cannot be is refused', async t => {
  const judge = new QualityJudge('green-power', rules())
  for (const valueW of [Number.NaN, Infinity, -Infinity, 1e12])
    t.throws(() => judge.judge({ valueW, at: 0 }, 0, 0), failed, String(valueW))
  t.throws(() => judge.judge({ valueW: 5, at: Number.NaN }, 0, 0), failed)
  t.throws(() => judge.judge({ valueW: -1, at: 0 }, 0, 0), {
    ...failed,
    message: /-1 W.*cannot be negative/,
    remedy: /negative: zero/,
  })
  t.match(new QualityJudge('green-power', rules({ negative: 'zero' })).judge({ valueW: -3, at: 0 }, 0, 0), {
    valueW: 0,
  })
  t.match(new QualityJudge('load', rules({ negative: 'keep' })).judge({ valueW: -3, at: 0 }, 0, 0), {
    valueW: -3,
  })
})

t.test('quality: measured, estimated, stale, constant', async t => {
  const judge = new QualityJudge('host-power', rules({ staleAfterMs: 60_000, constantAfterMs: 600_000 }))
  const say = (reading: Reading, now: number): string => judge.judge(reading, now, now).quality
  t.equal(say({ valueW: 100, at: 0 }, 0), 'measured')
  t.equal(say({ valueW: 101, at: 1_000, estimated: true }, 1_000), 'estimated')
  t.equal(say({ valueW: 102, at: 1_000 }, 61_000), 'measured')
  t.equal(say({ valueW: 102, at: 1_000 }, 61_001), 'stale')
  t.equal(say({ valueW: 102, at: 100_000 }, 100_000), 'measured')
  t.equal(say({ valueW: 102, at: 661_000 }, 661_000), 'measured')
  t.equal(say({ valueW: 102, at: 661_001 }, 661_001), 'constant')
  t.equal(say({ valueW: 102, at: 661_002, estimated: true }, 661_002), 'constant', 'a flag is never weakened')
  t.equal(say({ valueW: 103, at: 661_003 }, 661_003), 'measured', 'alive again')
  t.equal(say({ valueW: 104, at: 500_000 }, 510_000), 'stale', 'a reading from before the last one')
  const ahead = new QualityJudge('load').judge({ valueW: 1, at: 9e9 }, 1_000, 0)
  t.equal(ahead.at, 1_000, 'a time ahead of ours would stay young for ever')
})

t.test('quality: no sun all night is no fault; a host without power is one', async t => {
  const night = new QualityJudge('green-power', rules({ constantAfterMs: 1_000 }))
  const host = new QualityJudge('host-power', rules({ constantAfterMs: 1_000 }))
  const never = new QualityJudge('host-power', rules({ constantAfterMs: 0 }))
  night.judge({ valueW: 0, at: 0 }, 0, 0)
  for (const judge of [host, never]) judge.judge({ valueW: 90, at: 0 }, 0, 0)
  t.equal(night.judge({ valueW: 0, at: 9e6 }, 9e6, 9e6).quality, 'measured')
  t.equal(host.judge({ valueW: 90, at: 9e6 }, 9e6, 9e6).quality, 'constant')
  t.equal(never.judge({ valueW: 90, at: 9e6 }, 9e6, 9e6).quality, 'measured')
  t.throws(() => host.judge({ valueW: 0.2, at: 9e6 }, 9e6, 9e6), {
    ...failed,
    message: /a host that runs draws more/,
  })
})

/** A meter that does what it is told. */
function puppet(): Meter & { next: () => Promise<Reading>; stopped: boolean; signals: AbortSignal[] } {
  const meter = {
    name: 'm',
    role: 'green-power' as const,
    stopped: false,
    signals: [] as AbortSignal[],
    next: (): Promise<Reading> => Promise.resolve({ valueW: 1, at: 0 }),
    read(signal: AbortSignal) {
      meter.signals.push(signal)
      return meter.next()
    },
    stop: async () => void (meter.stopped = true),
  }
  return meter
}

t.test('sampling: each at its pace; a dead meter raises an alarm, and clears it', async t => {
  const clock = new VirtualClock(1_000_000)
  const meter = puppet()
  let changed = 0
  const meters = createMeters({ clock, log: memoryLog(), changed: () => changed++ }, [
    { meter, everyMs: 5_000 },
  ])
  let value = 0
  meter.next = async () => ({ valueW: ++value, at: clock.wall() })
  meters.start()
  await settle()
  await clock.advance(10_000)
  const samples = meters.take()
  t.strictSame(
    samples.map((sample: Sample) => [sample.valueW, sample.at, sample.quality]),
    [
      [1, 1_000_000, 'measured'],
      [2, 1_005_000, 'measured'],
      [3, 1_010_000, 'measured'],
    ],
  )
  t.strictSame(meters.take(), [], 'each sample once')

  meter.next = () =>
    Promise.reject(new HeliotropeError('meter-failed', 'no device', { remedy: 'plug it in' }))
  await clock.advance(10_000)
  t.strictSame(meters.alarms(), [], 'one bad reading is no alarm')
  t.match(meters.standing(), [{ error: /no device/, last: { valueW: 3 } }])
  await clock.advance(5_000)
  t.match(meters.alarms(), [
    { key: 'meter/m', state: 'raised', text: /failed.*no device/, remedy: 'plug it in' },
  ])
  t.equal(changed, 1)
  t.strictSame(meters.take(), [], 'no reading, no sample')

  meter.next = async () => ({ valueW: 9, at: clock.wall() })
  await clock.advance(5_000)
  t.strictSame(meters.alarms(), [])
  t.equal(changed, 2)

  const stopped = clock.wall()
  meter.next = async () => ({ valueW: 10, at: stopped })
  await clock.advance(120_000)
  t.match(meters.alarms(), [{ text: /is stale/ }])
  t.equal(meters.take().at(-1)?.quality, 'stale', 'a stale value travels with its flag')
  await meters.stop()
  t.ok(meter.stopped)
  const calls = meter.signals.length
  await clock.advance(60_000)
  t.equal(meter.signals.length, calls)
})

t.test('sampling: a meter that hangs is given up, told so, and not asked twice at once', async t => {
  const clock = new VirtualClock()
  const meter = puppet()
  const meters = createMeters({ clock, log: memoryLog(), changed: () => {} }, [{ meter, everyMs: 5_000 }])
  let open = 0
  let most = 0
  meter.next = () => {
    most = Math.max(most, ++open)
    return new Promise((_resolve, reject) => {
      meter.signals.at(-1)?.addEventListener('abort', () => {
        open--
        reject(new Error('aborted'))
      })
    })
  }
  meters.start()
  await clock.advance(60_000)
  t.equal(most, 1)
  t.match(meters.alarms(), [{ text: /did not answer within 5000 ms/ }])
  meter.next = () => {
    most = Math.max(most, ++open)
    return new Promise(() => {})
  }
  await clock.advance(60_000)
  t.equal(most, 1, 'not even if it does not heed the signal')
  t.match(meters.standing(), [{ error: /has not ended yet/ }])
  await meters.stop()
})

t.test('the file of a meter that stops to be written', async t => {
  const root = t.testdir({ sun: '' })
  const clock = new VirtualClock(2_000_000_000)
  const write = (text: string, at: number): void => {
    writeFileSync(`${root}/sun`, text)
    utimesSync(`${root}/sun`, at / 1000, at / 1000)
  }
  write('250', 2_000_000_000)
  const meter = fileMeter(hostFiles(root), { name: 'sun', role: 'green-power', path: '/sun', unit: 'W' })
  const judge = new QualityJudge('green-power')
  t.equal(judge.judge(await meter.read(signal), clock.wall(), clock.mono()).quality, 'measured')
  await clock.advance(61_000)
  t.equal(judge.judge(await meter.read(signal), clock.wall(), clock.mono()).quality, 'stale')
})
