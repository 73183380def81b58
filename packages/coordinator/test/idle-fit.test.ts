import fc from 'fast-check'
import t from 'tap'
import { MINUTE } from '@heliotrope/shared'
import type { Sample } from '@heliotrope/shared'
import { hostWatts } from '../src/state/host-watts.js'
import { idleOf, learnIdle } from '../src/state/idle-fit.js'
import type { IdleFit } from '../src/state/idle-fit.js'

const learn = (
  minutes: number,
  busy: (i: number) => number,
  watts: (busy: number, i: number) => number,
): IdleFit => {
  let fit: IdleFit | undefined
  for (let i = 0; i < minutes; i++) fit = learnIdle(fit, i * MINUTE, busy(i), watts(busy(i), i))
  return fit as IdleFit
}

t.test('idle power is learnt from a load that varies, and from nothing else', async t => {
  const wave = (i: number): number => 0.4 + 0.1 * Math.sin(i / 7)
  fc.assert(
    fc.property(
      fc.double({ min: 10, max: 300, noNaN: true }),
      fc.double({ min: 20, max: 500, noNaN: true }),
      (idle, span) => {
        const found = idleOf(learn(60, wave, busy => idle + span * busy))
        return found !== undefined && Math.abs(found - idle) < 1e-3 * (idle + span)
      },
    ),
  )
  t.equal(idleOf(undefined), undefined)
  t.equal(idleOf(learn(10, wave, busy => 100 + busy)), undefined, 'ten minutes are too few')
  t.equal(
    idleOf(
      learn(
        600,
        () => 0.4,
        () => 140,
      ),
    ),
    undefined,
    'a load that stands still teaches nothing',
  )
  const noise = (i: number): number => 20 * Math.sin(i * 12.9898)
  t.equal(
    idleOf(learn(600, wave, (_busy, i) => 140 + noise(i))),
    undefined,
    'a meter that does not follow the load',
  )
  t.equal(idleOf(learn(600, wave, busy => 200 - 100 * busy)), undefined, 'or runs against it')
  t.equal(idleOf(learn(600, wave, busy => 900 * busy - 100)), undefined, 'below zero cannot be')
  const once = learnIdle(undefined, 0, 0.5, 100)
  t.equal(learnIdle(once, MINUTE - 1, 0.9, 100), once, 'no minute counts twice')
})

t.test('watts of a host from the meters of its parts', async t => {
  const sample = (meter: string, valueW: number, at: number, change: Partial<Sample> = {}): Sample => ({
    meter,
    role: 'host-power',
    valueW,
    at,
    quality: 'measured',
    ...change,
  })
  const now = 60 * MINUTE
  const [a, b] = [sample('psu1', 100, now), sample('psu2', 80, now)]
  t.equal(hostWatts([], [], now), undefined)
  t.equal(hostWatts([a, b], [a, b], now), 180, 'two power supplies')
  t.equal(hostWatts([a], [sample('psu1', 60, now - 1), a], now), 80, 'the mean since the last report')
  t.equal(hostWatts([a, sample('psu2', 80, now - MINUTE)], [a], now), 180, 'read less often')
  t.equal(
    hostWatts([a, sample('psu2', 80, now - 3 * MINUTE)], [a], now),
    undefined,
    'half of it is no reading',
  )
  t.equal(hostWatts([a, sample('psu2', 80, now - 61 * MINUTE)], [a], now), 100, 'gone for good')
  for (const quality of ['stale', 'constant'] as const)
    t.equal(hostWatts([a, { ...b, quality }], [a, b], now), undefined, `${quality} is never used silently`)
  t.equal(hostWatts([sample('roof', 900, now, { role: 'green-power' })], [], now), undefined)
})
