import fc from 'fast-check'
import t from 'tap'
import { BoostedTrees } from '../src/forecast/learn/boosted-trees.js'
import { ConvexBlend } from '../src/forecast/learn/convex-blend.js'
import { DayProfile } from '../src/forecast/learn/day-profile.js'
import { ErrorBand } from '../src/forecast/learn/error-band.js'
import { LearnedCurve } from '../src/forecast/learn/learned-curve.js'
import { LeastSquares } from '../src/forecast/learn/least-squares.js'
import { SlotSeries } from '../src/forecast/learn/slot-series.js'
import { pinballLoss } from '../src/forecast/models/score-keeper.js'
import { noise } from './noise.js'

t.test('least squares finds the line, and follows when it changes', async t => {
  const random = noise(1)
  const model = new LeastSquares({ prior: [0, 0], variance: 10, forget: 0.98 })
  const feed = (slope: number): void => {
    for (let i = 0; i < 400; i++) {
      const x = random()
      model.update(Float64Array.of(1, x), 0, 0.2 + slope * x + 0.01 * (random() - 0.5))
    }
  }
  feed(0.5)
  t.ok(Math.abs(model.predict(Float64Array.of(1, 1)) - 0.7) < 0.01)
  feed(-0.3)
  t.ok(Math.abs(model.predict(Float64Array.of(1, 1)) + 0.1) < 0.01)
  for (let i = 0; i < 5000; i++) model.update(Float64Array.of(1, 0), 0, 0.2)
  model.update(Float64Array.of(1, 1), 0, -0.09)
  t.ok(Math.abs(model.predict(Float64Array.of(1, 1)) + 0.1) < 0.05, 'long silence of a feature does no harm')
  model.update(Float64Array.of(1, NaN), 0, 1)
  t.ok(model.weights.every(Number.isFinite), 'nonsense is left out')
})

t.test('a blend is no worse than the best of its parts, nearly', async t => {
  const random = noise(2)
  const blend = new ConvexBlend([1, 1, 1])
  let [own, best] = [0, 0]
  for (let i = 0; i < 4000; i++) {
    const actual = random()
    const forecasts = Float64Array.of(actual + 0.1 * (random() - 0.5), actual + 0.3, random())
    if (i >= 2000) {
      own += Math.abs(blend.mix(forecasts) - actual)
      best += Math.abs(forecasts[0]! - actual)
    }
    blend.update(forecasts, 0, actual)
  }
  t.ok(own < 1.3 * best, `${own} against ${best}`)
  t.ok(Math.abs(blend.weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-9)
  t.ok(blend.weights.every(weight => weight > 0))
})

t.test('bands hold what they promise, also while errors grow', async t => {
  const random = noise(3)
  const band = new ErrorBand(1)
  let [within, count] = [0, 0]
  for (let i = 0; i < 6000; i++) {
    const error = (random() + random() + random() - 1.5) * (1 + i / 3000)
    if (i > 500) {
      count++
      if (error >= band.low(0) && error <= band.high(0)) within++
    }
    band.update(0, error)
  }
  t.ok(within / count > 0.77 && within / count < 0.85, `${within / count}`)
})

t.test('trees learn what a line cannot', async t => {
  const random = noise(4)
  const rows = 3000
  const features = Float32Array.from({ length: rows * 2 }, random)
  const truth = (x: number, y: number): number => (x > 0.5 ? (y > 0.3 ? 1 : -1) : 0)
  const targets = Float32Array.from(
    { length: rows },
    (_, row) => truth(features[2 * row]!, features[2 * row + 1]!) + 0.1 * (random() - 0.5),
  )
  const options = { trees: 40, depth: 3, rate: 0.2, minLeaf: 20 }
  const model = BoostedTrees.train({ features, targets, rows, width: 2 }, options)
  let error = 0
  for (let i = 0; i < 500; i++) {
    const [x, y] = [random(), random()]
    error += Math.abs(model.predict(Float64Array.of(x, y)) - truth(x, y)) / 500
  }
  t.ok(error < 0.1, `${error}`)
  const again = BoostedTrees.train({ features, targets, rows, width: 2 }, options)
  t.equal(again.predict(Float64Array.of(0.7, 0.2)), model.predict(Float64Array.of(0.7, 0.2)), 'deterministic')
})

t.test('a power curve is learnt from the meter', async t => {
  const random = noise(5)
  const curve = new LearnedCurve(0.5, 60, speed => Math.min(1, speed / 12))
  t.ok(Math.abs(curve.at(6) - 0.5) < 0.01, 'as the data sheet, at first')
  for (let i = 0; i < 3000; i++) {
    const speed = 12 * random()
    curve.learn(speed, 0.6 * Math.min(1, speed / 8))
  }
  t.ok(Math.abs(curve.at(4) - 0.3) < 0.03)
  t.ok(Math.abs(curve.at(10) - 0.6) < 0.03)
  t.ok(Number.isFinite(curve.at(-3)) && Number.isFinite(curve.at(500)))
})

t.test('profiles and series', async t => {
  const profile = new DayProfile(24)
  t.ok(Number.isNaN(profile.at(5)))
  for (let slot = 0; slot < 240; slot++) profile.note(slot, slot % 24)
  profile.note(5, NaN)
  t.equal(profile.at(29), 5)
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(5000), fc.double({ noNaN: true })), { maxLength: 200 }), sets => {
      const series = new SlotSeries(1500)
      const plain = new Map<number, number>()
      let last = -1
      for (const [slot, value] of sets) {
        if (slot - last > 1500 && last >= 0) plain.clear()
        series.set(slot, value)
        if (slot >= last - 1500) plain.set(slot, value)
        last = Math.max(last, slot)
      }
      if (sets.length > 0 && series.last !== last) return false
      // What is kept is right; what is older than it keeps may be gone.
      return [...plain].every(([slot, value]) => Number.isNaN(series.at(slot)) || series.at(slot) === value)
    }),
  )
  t.equal(pinballLoss([1, 1, 1], 1), 0)
  t.ok(pinballLoss([0, 1, 2], 1) > 0, 'width costs')
  t.ok(pinballLoss([0, 1, 2], 1) < pinballLoss([0, 1, 2], 4), 'and being beyond it costs more')
})
