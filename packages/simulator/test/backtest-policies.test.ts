// Policies: none can look ahead, none beats the bound, and each does what it is named for.
import { openInlineSolver } from '@heliotrope/coordinator'
import { HOUR, seededRng } from '@heliotrope/shared'
import t from 'tap'
import { MADE_UP, makeUp } from '../src/backtest/made-up/made-up.js'
import { bound, FLUID, WHOLE } from '../src/backtest/oracle/bound.js'
import { threshold } from '../src/backtest/policies/threshold.js'
import { createPolicy, runBacktest, runPolicy } from '../src/backtest/run-backtest.js'
import type { RunnablePolicy } from '../src/backtest/run-backtest.js'
import type { Scenario } from '../src/backtest/scenario/scenario.js'
import { teller } from '../src/backtest/world/known.js'
import type { Order } from '../src/backtest/world/schedule.js'
import { small } from './backtest-kit.js'

const solver = await openInlineSolver()
const short = (name: 'sunny' | 'windy'): Scenario => makeUp({ ...MADE_UP[name]!, historyDays: 8, days: 2 }, 5)

/** The same up to the begin of a scored hour, and nonsense after it. */
function otherFuture(scenario: Scenario, from: number): Scenario {
  const other = structuredClone(scenario)
  const rng = seededRng(99)
  const spoil = (values: Float64Array | undefined, begin: number, most: number): void => {
    for (let n = begin; n < (values?.length ?? 0); n++) values![n] = most * rng.fraction()
  }
  for (const { series, issued } of other.sites) {
    const begin = scenario.historyHours + from
    spoil(series.solarW, begin, 900)
    spoil(series.windW, begin, 900)
    spoil(series.gridGPerKWh, begin, 900)
    spoil(series.weather?.ghiWm2, begin, 1000)
    spoil(series.weather?.tempC, begin, 30)
    spoil(series.weather?.windMs, begin, 20)
    for (const row of issued ?? [])
      if (row.knownAt > scenario.start + from * HOUR)
        Object.assign(row, { ghiWm2: 900 * rng.fraction(), windMs: 20 * rng.fraction() })
  }
  for (const load of other.load) spoil(load, from, 1)
  return other
}

async function decisions(scenario: Scenario, name: RunnablePolicy): Promise<(readonly Order[])[]> {
  const all: (readonly Order[])[] = []
  await runPolicy(scenario, createPolicy(name, solver), true, {
    orders: (_, orders) => void all.push(orders),
  })
  return all
}

for (const [scenario, change, names] of [
  // `once` acts after a day; the forecast of the second day is out at its hour 29.
  ['sunny', 30, ['once', 'threshold', 'swt', 'heliotrope']],
  ['windy', 20, ['threshold', 'swt', 'heliotrope']],
] as const)
  for (const name of names)
    t.test(`changing the future changes no decision before it: ${name} on ${scenario}`, async t => {
      const made = short(scenario)
      const [as, other] = [await decisions(made, name), await decisions(otherFuture(made, change), name)]
      t.strictSame(other.slice(0, change + 1), as.slice(0, change + 1))
      t.ok(
        as.slice(0, change + 1).some(orders => orders.length > 0),
        'it decided something before',
      )
      // Else the test could not fail.
      if (name !== 'once')
        t.notSame(other.slice(change + 1), as.slice(change + 1), 'and it does look at what was')
    })

t.test('what a policy gets ends now', async t => {
  const made = short('windy')
  const { known, advance } = teller(made)
  for (const hour of [0, 1, 7, 47]) {
    advance(hour)
    t.equal(known.past[0]!.at(-1)!.at, known.now - HOUR, 'the hour that is over')
    t.equal(known.load[0]!.length, hour)
    const late = known.issued.flat().filter(row => row.knownAt > known.now)
    t.strictSame(late, [], 'forecasts that are out')
    t.ok(
      known.issued[0]!.some(row => row.validAt > known.now),
      'which reach beyond now',
    )
  }
})

t.test('the bound on a case that can be worked out by hand', async t => {
  // All goes to b at once, where green power covers it: left are two hosts standing by at a, and the one move.
  const { gCO2eq, fleetMoves } = await bound(small(), { ...FLUID, standby: true, solver })
  const standbyG = (1.5 * 20 * 72 * 400) / 1000
  const moveG = ((1.5 * (2 * 20 + 0.5 * 10240)) / 3600 / 1000) * 400 + (50 / 1000) * 300
  t.ok(Math.abs(gCO2eq - standbyG - moveG) < 0.01, `${gCO2eq}`)
  t.ok(Math.abs(fleetMoves - 1) < 1e-6)
})

t.test('no policy beats the bound, and whole hosts do not either', async t => {
  for (const scenario of [short('windy')]) {
    const { result, traces } = await runBacktest(scenario, { attainable: {}, solver })
    const { oracle, stay, ...others } = result.policies
    for (const [name, { gCO2eq }] of Object.entries(others))
      t.ok(gCO2eq >= oracle!.gCO2eq * 0.999, `${scenario.name}: ${name} ${gCO2eq}, bound ${oracle!.gCO2eq}`)
    t.ok(
      result.attainable!.captured <= 1.0001 && result.attainable!.captured > 0.3,
      `${result.attainable!.captured}`,
    )
    t.ok(result.captured.heliotrope! > 0, 'heliotrope saves carbon')
    t.equal(stay!.moves, 0)
    t.equal(traces.get('heliotrope')!.length, scenario.hours)
    t.ok(Math.abs(result.ofAttainable.once! * result.attainable!.captured - result.captured.once!) < 1e-4)
  }
})

t.test('nothing to capture is said as nothing', async t => {
  const { result } = await runBacktest(small({ greenW: [5000, 5000] }), { policies: ['once'], solver })
  t.strictSame([result.captured, result.ofAttainable], [{}, {}])
})

t.test('what whole hosts capture is left open if there is no time for it', async t => {
  const scenario = makeUp({ ...MADE_UP.windy!, historyDays: 2, days: 5 }, 1)
  let ms = 1000
  const attainable = { timeLeft: () => (ms -= 400) }
  const { result } = await runBacktest(scenario, { policies: ['once'], attainable, solver })
  t.strictSame([result.attainable, result.ofAttainable], [null, { once: null }])
})

t.test('a solver without an answer is an error that names the hours', async t => {
  const tired = { solve: async () => ({ status: 'out-of-time' as const, text: 'too slow' }) }
  await t.rejects(bound(small(), { ...WHOLE, standby: true, solver: tired }), {
    code: 'unavailable',
    message: /no bound for hours 0 to 72: too slow/,
  })
})

t.test('threshold: moves a host to green power, lets it rest, and packs hosts inside a site', async t => {
  const orders: (readonly Order[])[] = []
  const scenario = small({ vms: [{ memoryMiB: 16384 }, {}], greenW: [0, 1000] })
  // The first hour's load is not known yet; green power is, from the history.
  const world = await runPolicy(scenario, threshold(), true, { orders: (_, now) => void orders.push(now) })
  t.equal(world.totals.moves, 2)
  t.strictSame(
    world.trace.at(-1)!.map(site => site.vms),
    [0, 2],
  )
  const apart = small({
    vms: [{ memoryMiB: 10000 }, { memoryMiB: 10000 }, { memoryMiB: 4000 }],
    greenW: [0, 0],
  })
  const before = await runPolicy(apart, threshold(), true)
  t.equal(before.trace.at(-1)![0]!.hostsAwake, 2, 'two that cannot be one stay two')
})

t.test('swt: goes where S x W x T is highest, and stays where it is not known', async t => {
  const weather = (ghi: number, wind: number): object => {
    const hours = small().historyHours + small().hours
    const series = (value: number): Float64Array => new Float64Array(hours).fill(value)
    return { weather: { ghiWm2: series(ghi), windMs: series(wind), tempC: series(20) } }
  }
  const scenario = small()
  const unknown = await runPolicy(scenario, createPolicy('swt', solver), true)
  t.equal(unknown.totals.moves, 0)
  Object.assign(scenario.sites[0]!.series, weather(400, 5))
  Object.assign(scenario.sites[1]!.series, weather(500, 6))
  const world = await runPolicy(scenario, createPolicy('swt', solver), true)
  t.strictSame(
    world.trace[0]!.map(site => site.vms),
    [0, 2],
  )
  t.equal(world.totals.moves, 2)
})
