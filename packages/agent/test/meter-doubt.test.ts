import fc from 'fast-check'
import t from 'tap'
import { EnergyCounter } from '../src/drivers/meter/energy-counter.js'
import { Plausibility } from '../src/drivers/meter/plausibility.js'
import { defaultQualityRules, QualityJudge } from '../src/drivers/meter/quality.js'
import { scaleOf } from '../src/drivers/meter/units.js'

const failed = { code: 'meter-failed' }
const MINUTE = 60_000

/** Readings every 5 s; what of them is believed. */
function believed(values: number[], stepMs = 5_000): number[] {
  const plausibility = new Plausibility()
  return values.filter((value, i) => plausibility.doubt(value, i * stepMs) === undefined)
}

t.test('a glitch never gets through, a true step does when it lasts', async t => {
  t.strictSame(believed([200, 210, 90_000, 205]), [200, 210, 205])
  t.strictSame(believed([200, 0, 205]), [200, 205], 'a glitch to nothing, too')
  t.strictSame(believed([200, 90_000, 3, 90_000, 205]), [200, 205], 'two that do not agree')
  t.strictSame(believed([0, 3_000, 3_100, 3_050, 3_000]), [0, 3_050, 3_000], 'the third that agrees')
  t.strictSame(believed([2_000, -2_100, -2_000, -2_050]), [2_000, -2_050], 'a change of sign is a jump')
  t.strictSame(believed([1, 90, 2, 99]), [1, 90, 2, 99], 'small ones are none')
  t.strictSame(believed([5_000, 300, 4_000]), [5_000, 300, 4_000], 'a cloud')
  t.strictSame(believed([50, 3_000], 11 * MINUTE), [50, 3_000], 'after a long silence')
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 100, max: 400, noNaN: true }), { minLength: 5, maxLength: 20 }),
      fc.nat(),
      fc.constantFrom(0, 1e5, 1e6, -5_000),
      (values, where, glitch) => {
        const at = 1 + (where % (values.length - 1))
        const said = [...values.slice(0, at), glitch, ...values.slice(at)]
        return JSON.stringify(believed(said)) === JSON.stringify(values)
      },
    ),
  )
})

t.test(
  'a step by a thousand is a change of unit: it never gets through, and is over when it is gone',
  async t => {
    const watts = [180, 185, 178]
    t.strictSame(believed([...watts, ...watts.map(w => w * 1000), ...watts]), [...watts, ...watts])
    const green = [3_000, 2_900, 2_950]
    t.strictSame(
      believed([...green, ...green.map(w => w / 1000), ...Array<number>(50).fill(2.9), 2_800]),
      [...green, 2_800],
      'however long it lasts',
    )
    t.strictSame(believed([3_000, 3, 0, 0, 3, 2_900]), [3_000, 0, 0, 2_900], 'nothing is nothing in any unit')
    t.strictSame(believed([3_000, 3], 20 * MINUTE), [3_000], 'after an outage, too')
    t.match(
      (() => {
        const one = new Plausibility()
        one.doubt(200, 0)
        return one.doubt(200_000, 5_000)
      })(),
      { why: /jumped from 200 W to 200000 W, as if its unit had changed/, remedy: /unit/ },
    )
  },
)

t.test('the judge refuses what is doubted, and says why', async t => {
  const judge = new QualityJudge('load', { ...defaultQualityRules, maxW: 5_000 })
  const say = (valueW: number, at: number) => judge.judge({ valueW, at }, at, at)
  say(200, 0)
  t.throws(() => say(4_900, 5_000), {
    ...failed,
    message: /jumped from 200 W to 4900 W; .* 2 more/,
    remedy: /jumps/,
  })
  t.throws(() => say(5_001, 6_000), { ...failed, message: /max_w is 5000/, remedy: /unit/ })
  t.match(say(201, 10_000), { valueW: 201, quality: 'measured' })
  const open = new QualityJudge('load', { ...defaultQualityRules, jumps: 'accept' })
  open.judge({ valueW: 1, at: 0 }, 0, 0)
  t.match(open.judge({ valueW: 9_000, at: 1 }, 1, 1), { valueW: 9_000 })
})

t.test('watts from a counter of energy', async t => {
  const again = { code: 'meter-failed', message: /second reading/ }
  const counter = new EnergyCounter(10_000)
  t.throws(() => counter.watts(1_000, 0), again, 'the first reading says nothing')
  t.equal(counter.watts(2_000, 5_000), 200)
  t.equal(counter.watts(4_000, 10_000), 300, 'over the window')
  t.equal(counter.watts(4_000, 10_000), 300, 'the same reading again')
  t.equal(counter.watts(4_000, 20_000), 0, 'it stands still')
  t.throws(() => counter.watts(3_999, 25_000), { ...failed, message: /went back from 4000 J to 3999 J/ })
  t.equal(counter.watts(4_999, 30_000), 200, 'and counts anew from there')
  t.throws(() => counter.watts(5_000, 20_000), again, 'time that goes back')
  t.throws(() => counter.watts(9_000, 20_000 + 16 * MINUTE), again, 'a rise over a long pause is not of now')
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e5, noNaN: true }),
      fc.array(fc.integer({ min: 100, max: 60_000 }), { minLength: 2, maxLength: 30 }),
      (watts, steps) => {
        const one = new EnergyCounter(60_000)
        let at = 0
        return steps.every((step, i) => {
          at += step
          const joules = 1e6 + (watts * at) / 1000
          if (i > 0) return Math.abs(one.watts(joules, at) - watts) <= 1e-6 * (1 + joules)
          t.throws(() => one.watts(joules, at))
          return true
        })
      },
    ),
  )
})

t.test('units of energy', async t => {
  for (const [unit, first, second, estimated] of [
    ['J', '100', '700', undefined],
    ['uJ', '0', '600000000', undefined],
    ['Wh', '5', '5.1666666666666667', true],
    ['kWh', '1', '1.0001666666666666', true],
  ] as const) {
    const scale = scaleOf(unit)
    t.throws(() => scale(first, 0), failed)
    const { valueW, ...more } = scale(second, 10_000)
    t.ok(Math.abs(valueW - 60) < 1e-6, `${unit}: ${valueW}`)
    t.equal(more.estimated, estimated)
  }
  t.throws(() => scaleOf('kWh')('5 kW', 0), { ...failed, message: /says kW.*counter/ })
  t.strictSame(scaleOf('uW')('216000000', 0), { valueW: 216 })
})
