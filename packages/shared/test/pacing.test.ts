/** What waits, beats and comes again: calls, heartbeat, reconnect, all on virtual time. */
import fc from 'fast-check'
import t from 'tap'
import {
  Calls,
  heartbeat,
  HeliotropeError,
  reconnect,
  seededRng,
  settle,
  sleep,
  VirtualClock,
} from '@heliotrope/shared'
import type { CommandId, Ms } from '@heliotrope/shared'

const id = (n: number): CommandId => String(n).padStart(24, '0') as CommandId
const fixed = (fraction: number) => ({
  bytes: (count: number) => new Uint8Array(count),
  fraction: () => fraction,
})

void t.test('calls: an answer, a refusal, a deadline, a lost link', async t => {
  const clock = new VirtualClock()
  const calls = new Calls<CommandId, string>(clock)
  const answered = calls.wait(id(1), 'move.standing', 100)
  const refused = t.rejects(calls.wait(id(2), 'move.abort', 100), { code: 'refused' })
  const late = t.rejects(calls.wait(id(3), 'move.prepare-target', 100), {
    code: 'timeout',
    message: 'no answer to move.prepare-target within 100 ms',
  })
  t.equal(calls.size, 3)
  t.equal(calls.answer(id(1), 'yes'), true)
  t.equal(calls.answer(id(1), 'again'), false, 'a second answer finds nobody')
  t.equal(calls.fail(id(2), new HeliotropeError('refused', 'no')), true)
  t.equal(calls.fail(id(2), new Error('again')), false)
  t.equal(await answered, 'yes')
  await refused
  await clock.advance(99)
  t.equal(calls.size, 1)
  await clock.advance(1)
  await late
  t.equal(calls.size, 0)
  t.equal(calls.answer(id(3), 'too late'), false)

  const lost = [id(4), id(5)].map(each => t.rejects(calls.wait(each, 'x', 100), { code: 'unavailable' }))
  calls.failAll(new HeliotropeError('unavailable', 'link lost'))
  await Promise.all(lost)
  t.equal(calls.size, 0)
  t.equal(clock.next(), undefined, 'no deadline is left behind')
})

void t.test('calls: the same question asked again takes the place of the first', async t => {
  const clock = new VirtualClock()
  const calls = new Calls<CommandId, string>(clock)
  const first = t.rejects(calls.wait(id(1), 'move.standing', 100), { code: 'superseded' })
  await clock.advance(60)
  const second = calls.wait(id(1), 'move.standing', 100)
  await first
  await clock.advance(60)
  t.equal(calls.size, 1, "the first's deadline does not end the second")
  t.equal(calls.answer(id(1), 'yes'), true)
  t.equal(await second, 'yes')
})

void t.test('heartbeat: beats while heard, gives up once after silence', async t => {
  const clock = new VirtualClock()
  const story: string[] = []
  const heart = heartbeat({
    clock,
    everyMs: 10,
    beat: () => story.push(`beat ${clock.mono()}`),
    dead: () => story.push(`dead ${clock.mono()}`),
  })
  await clock.advance(25)
  heart.heard()
  await clock.advance(100)
  t.same(story, ['beat 10', 'beat 20', 'beat 30', 'beat 40', 'beat 50', 'dead 60'])
  t.equal(clock.next(), undefined)
})

void t.test('heartbeat: the wall clock may jump, and stop is stop', async t => {
  const clock = new VirtualClock()
  let dead = 0
  let beats = 0
  const heart = heartbeat({ clock, everyMs: 10, deadMs: 15, beat: () => beats++, dead: () => dead++ })
  clock.epoch += 3_600_000
  await clock.advance(10)
  t.equal(dead, 0)
  heart.stop()
  await clock.advance(100)
  t.equal(dead, 0)
  t.equal(beats, 1)
  t.equal(clock.next(), undefined)
})

void t.test('heartbeat: stopped by its own beat', async t => {
  const clock = new VirtualClock()
  let beats = 0
  const heart = heartbeat({
    clock,
    everyMs: 10,
    dead: () => t.fail('nobody is there to give up'),
    beat: () => {
      beats++
      heart.stop()
    },
  })
  await clock.advance(100)
  t.equal(beats, 1)
  t.equal(clock.next(), undefined)
})

void t.test('reconnect: doubles up to the largest delay, tells the delay that it takes', async t => {
  const clock = new VirtualClock()
  const told: Ms[] = []
  const tried: Ms[] = []
  const rng = seededRng(3)
  const link = reconnect({
    clock,
    rng,
    connect: () => {
      tried.push(clock.mono())
      return Promise.reject(new Error('nobody there'))
    },
    serve: () => Promise.resolve(),
    failed: (_error, nextMs) => told.push(nextMs),
    minMs: 100,
    maxMs: 1000,
  })
  await clock.advance(10_000)
  link.stop()
  const gaps = tried.slice(1).map((at, index) => at - (tried[index] as number))
  t.ok(gaps.length > 8)
  gaps.forEach((gap, index) => {
    const full = Math.min(1000, 200 * 2 ** index)
    t.ok(
      gap >= full / 2 && gap <= full,
      `gap ${index} of ${Math.round(gap)} ms is between half and all of ${full}`,
    )
    t.ok(Math.abs(gap - (told[index] as number)) < 1e-6, 'as told')
  })
  t.ok(new Set(gaps).size > 5, 'jittered')
  const before = tried.length
  await clock.advance(10_000)
  t.equal(tried.length, before, 'stopped')
  t.equal(clock.next(), undefined)
})

void t.test('reconnect: the delay stays within its bounds for any randomness', async t => {
  const bounds = fc.record({
    minMs: fc.integer({ min: 1, max: 1000 }),
    maxMs: fc.integer({ min: 1, max: 60_000 }),
  })
  await fc.assert(
    fc.asyncProperty(
      bounds,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      async ({ minMs, maxMs }, fraction) => {
        const clock = new VirtualClock()
        const delays: Ms[] = []
        const connect = (): Promise<never> => Promise.reject(new Error('no'))
        const failed = (_error: unknown, nextMs: Ms): void => void delays.push(nextMs)
        const serve = (): Promise<void> => Promise.resolve()
        const link = reconnect({ clock, rng: fixed(fraction), connect, serve, failed, minMs, maxMs })
        await clock.advance(maxMs * 30)
        link.stop()
        return (
          delays.length > 20 &&
          delays.every(delay => delay > 0 && delay <= maxMs) &&
          (delays.at(-1) ?? 0) >= maxMs / 2
        )
      },
    ),
    { numRuns: 20 },
  )
  t.pass()
})

for (const ends of ['resolving', 'rejecting'] as const)
  void t.test(
    `reconnect: a connection that lived starts anew, one that died at once does not (${ends})`,
    async t => {
      const clock = new VirtualClock()
      const tried: Ms[] = []
      const lives = [0, 0, 0, 0, 5000, 0]
      const link = reconnect({
        clock,
        rng: fixed(1),
        connect: () => Promise.resolve(tried.push(clock.mono())),
        serve: async number => {
          await sleep(clock, lives[number - 1] ?? 0)
          if (ends === 'rejecting') throw new Error('lost')
        },
        failed: () => {},
        minMs: 100,
        maxMs: 1000,
      })
      await clock.advance(9000)
      link.stop()
      const waits = tried.slice(1).map((at, index) => at - (tried[index] as number) - (lives[index] ?? 0))
      t.same(waits.slice(0, 6), [200, 400, 800, 1000, 100, 200])
    },
  )

void t.test('reconnect: stop while connecting', async t => {
  const clock = new VirtualClock()
  let served = 0
  let connected: (connection: string) => void = () => {}
  const link = reconnect({
    clock,
    rng: fixed(0),
    connect: () => new Promise<string>(resolve => (connected = resolve)),
    serve: () => Promise.resolve(void served++),
    failed: () => t.fail('nothing failed'),
  })
  link.stop()
  connected('late')
  await settle()
  t.equal(served, 1, 'the owner gets the connection, so that it can close it')
  await clock.advance(60_000)
  t.equal(served, 1)
  t.equal(clock.next(), undefined)
})
