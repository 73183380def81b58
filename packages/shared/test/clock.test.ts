import { mock } from 'node:test'
import fc from 'fast-check'
import t from 'tap'
import { every, settle, sleep, systemClock, VirtualClock } from '@heliotrope/shared'

void t.test('timers fire in order of time, then in the order they were set', async t => {
  const clock = new VirtualClock(1000)
  const fired: string[] = []
  clock.after(20, () => fired.push(`late ${clock.mono()}`))
  clock.after(10, () => fired.push(`first ${clock.mono()}`))
  clock.after(10, () => fired.push('second'))
  const cancel = clock.after(10, () => fired.push('never'))
  clock.after(-5, () => fired.push(`past ${clock.mono()}`))
  cancel()
  t.equal(clock.next(), 0)
  await clock.advance(19)
  t.same(fired, ['past 0', 'first 10', 'second'])
  t.equal(clock.mono(), 19)
  t.equal(clock.wall(), 1019)
  clock.epoch += 3_600_000
  await clock.advanceTo(20)
  t.equal(fired.at(-1), 'late 20', 'a jump of the wall moves no timer')
  t.equal(clock.wall(), 3_601_020)
  t.equal(clock.next(), undefined)
  await clock.advanceTo(5)
  t.equal(clock.mono(), 20, 'never goes back')
})

void t.test('any set of timers fires sorted, without the cancelled, up to the time asked for', async () => {
  const timer = fc.record({ delay: fc.nat(50), cancelled: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(timer, { maxLength: 60 }), fc.nat(60), async (timers, until) => {
      const clock = new VirtualClock()
      const fired: number[] = []
      const cancels = timers.map(({ delay }, index) =>
        clock.after(delay, () => {
          if (clock.mono() !== delay) fired.push(-1)
          fired.push(index)
        }),
      )
      timers.forEach(({ cancelled }, index) => cancelled && cancels[index]?.())
      await clock.advanceTo(until)
      const expected = timers
        .map(({ delay, cancelled }, index) => ({ delay, cancelled, index }))
        .filter(({ delay, cancelled }) => !cancelled && delay <= until)
        .sort((a, b) => a.delay - b.delay || a.index - b.index)
        .map(({ index }) => index)
      return JSON.stringify(fired) === JSON.stringify(expected)
    }),
    { numRuns: 60 },
  )
})

void t.test('no timer overtakes work that was possible before it', async t => {
  const clock = new VirtualClock()
  const story: string[] = []
  clock.after(10, () => {
    void (async () => {
      for (let step = 0; step < 20; step++) await Promise.resolve()
      story.push('work of 10')
      clock.after(0, () => story.push('set during 10'))
    })()
  })
  clock.after(11, () => story.push('timer of 11'))
  await clock.advance(20)
  t.same(story, ['work of 10', 'set during 10', 'timer of 11'])
})

void t.test('sleep ends by time or by its signal, and leaves nothing', async t => {
  const clock = new VirtualClock()
  let woken = false
  void sleep(clock, 100).then(() => (woken = true))
  await clock.advance(99)
  t.equal(woken, false)
  await clock.advance(1)
  t.equal(woken, true)

  const abort = new AbortController()
  const sleeping = t.rejects(sleep(clock, 100, abort.signal), { message: 'enough' })
  abort.abort(new Error('enough'))
  await sleeping
  t.equal(clock.next(), undefined, 'the timer is gone')
  await t.rejects(sleep(clock, 1, abort.signal), { message: 'enough' }, 'aborted before it began')
  const calm = new AbortController()
  const done = sleep(clock, 5, calm.signal)
  await clock.advance(5)
  await done
  calm.abort()
})

void t.test('every: a slow round delays the next, a failing round does not end it, stop ends it', async t => {
  const clock = new VirtualClock()
  const at: number[] = []
  const cancel = every(clock, 10, async () => {
    at.push(clock.mono())
    if (at.length === 1) await sleep(clock, 25)
    if (at.length === 2) throw new Error('this once')
    if (at.length === 4) cancel()
  })
  await clock.advance(200)
  t.same(at, [10, 45, 55, 65])
  t.equal(clock.next(), undefined)
})

void t.test("the machine's clock", async t => {
  const clock = systemClock()
  const mono = clock.mono()
  let cancelled = false
  clock.after(0, () => (cancelled = true))()
  await new Promise<void>(resolve => void clock.after(1, resolve))
  await settle()
  t.equal(cancelled, false)
  t.ok(clock.mono() > mono)
  t.ok(Math.abs(clock.wall() - Date.now()) < 60_000)
})

void t.test("the machine's clock can wait longer than setTimeout can count", async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const most = 2 ** 31 - 1
  let fired = 0
  systemClock().after(2 * most + 5, () => fired++)
  const cancel = systemClock().after(2 * most, () => t.fail('was cancelled on the way'))
  mock.timers.tick(most)
  cancel()
  mock.timers.tick(most)
  t.equal(fired, 0)
  mock.timers.tick(4)
  t.equal(fired, 0)
  mock.timers.tick(1)
  t.equal(fired, 1)
})
