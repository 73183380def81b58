import t from 'tap'
import fc from 'fast-check'
import { HOUR, MINUTE, SECOND } from '@heliotrope/shared'
import type { SiteForecast, Solver } from '@heliotrope/planner'
import type { Ms, SiteId, SiteState } from '@heliotrope/shared'
import { expectations } from '../src/outlook/expectations.js'
import { nowcast } from '../src/outlook/nowcast.js'
import { replay } from '../src/reconcile/replay.js'
import { openPlans } from '../src/store/plans.js'
import { run } from './kit.js'
import { START_WALL } from './samples.js'
import { sunny } from './sunny.js'

const flat = (value: number, slots = 48): number[] => Array.from({ length: slots }, () => value)

/** A steady forecast from the hour that holds `at`. */
const steady = (site: string, at: Ms, watts: number, change: Partial<SiteForecast> = {}): SiteForecast => ({
  site: site as SiteId,
  issuedAt: at,
  start: Math.floor(at / HOUR) * HOUR,
  slotMs: HOUR,
  greenW: { p10: flat(watts * 0.8), p50: flat(watts), p90: flat(watts * 1.2) },
  gridGPerKWh: { p10: flat(300), p50: flat(300), p90: flat(300) },
  basis: 'test',
  ...change,
})

const good = (at: Ms): SiteForecast[] => [steady('a', at, 0), steady('b', at, 500)]

t.test('with good forecasts the VM moves: what follows is no test without this', async t => {
  const { of } = await sunny('recommend', { forecasts: good })
  t.match(await of.coordinator.console.plan(), { verdict: 'MOVES', moves: [{ name: 'vm1', to: 'y' }] })
})

t.test('forecasts that cannot be true move nothing, and the plan says why', async t => {
  const band = (watts: number) => steady('b', 0, watts).greenW
  const bad: [string, RegExp, (at: Ms) => Partial<SiteForecast>][] = [
    ['no numbers', /impossible values/, () => ({ greenW: { ...band(500), p50: flat(NaN) } })],
    ['negative', /impossible values/, () => ({ greenW: band(-500) })],
    ['a unit too large', /impossible values/, () => ({ greenW: band(5e12) })],
    ['quantiles swapped', /out of order/, () => ({ greenW: { ...band(500), p90: flat(1) } })],
    [
      'a series cut short',
      /different lengths|impossible values/,
      () => ({ greenW: { ...band(500), p90: flat(600, 3) } }),
    ],
    ['empty', /does not reach over now/, () => ({ greenW: { p10: [], p50: [], p90: [] } })],
    ['of yesterday', /does not reach over now/, at => ({ start: at - 100 * HOUR })],
    ['made long ago', /was made \d+ min ago/, at => ({ issuedAt: at - 24 * HOUR })],
    ['of the future', /made in the future/, at => ({ issuedAt: at + HOUR })],
    ['slots of no length', /no valid times/, () => ({ slotMs: 0 })],
  ]
  let change: (at: Ms) => Partial<SiteForecast> = () => ({})
  const { of, y, report } = await sunny('auto', {
    forecasts: at => [steady('a', at, 0), steady('b', at, 500, change(at))],
  })
  const before = y.count('move.prepare-target')
  for (const [what, text, how] of bad) {
    change = how
    const plan = await of.coordinator.console.plan()
    t.strictSame(plan.moves, [], what)
    t.match(plan.sites.find(site => site.id === 'b')?.out?.text, text, what)
  }
  report()
  await run(of.clock, 2 * MINUTE, 10 * SECOND)
  t.equal(y.count('move.prepare-target'), before, 'no more than the good forecast before them began')
})

t.test('forecasts that jump from minute to minute do not make VMs jump', async t => {
  let turn = 0
  const forecasts = (at: Ms): SiteForecast[] => {
    const sun = turn++ % 2 === 0 ? 500 : 0
    return [steady('a', at, 500 - sun), steady('b', at, sun)]
  }
  const { of, x, y, end, report } = await sunny('auto', { forecasts }, {})
  for (let i = 0; i < 60; i++) {
    if (of.coordinator.sagas.open().length > 0) end()
    report()
    await run(of.clock, 10 * SECOND)
  }
  const orders = x.count('move.prepare-target') + y.count('move.prepare-target')
  t.ok(turn > 20, `${turn} plans`)
  t.ok(orders <= 2, `${orders} moves in ten minutes: the meters outvote the forecasts`)
})

t.test('a solver out of time: the plan says so and stays; replayed, it does the same', async t => {
  for (const status of ['out-of-time', 'crashed', 'infeasible'] as const) {
    const solver: Solver = { solve: async () => ({ status, text: 'told by the test' }) }
    const { of, y } = await sunny('auto', { forecasts: good, solver })
    const plan = await of.coordinator.console.plan()
    t.match(plan, { verdict: 'NO_SOLUTION', moves: [], solver: { status, text: 'told by the test' } })
    t.match(await of.coordinator.console.explain({ vm: 'vm1' }), { text: /It stays: .*told by the test/ })
    await run(of.clock, 2 * MINUTE, 10 * SECOND)
    t.equal(y.commands.length, 0)
    const stored = openPlans(of.ports.db).find(plan.id)!
    t.match(stored.answers, [{ status }])
    const { thePlanner } = await import('../src/reconcile/planner.js')
    const never: Solver = { solve: () => Promise.reject(new Error('asked again')) }
    t.match(await replay(stored, thePlanner, never), { same: true })
  }
})

t.test(
  'without a forecast the meter of now is believed for some hours; without a meter nothing is said',
  async t => {
    const at = START_WALL + 90_000
    const site = (id: string, greenW?: number): SiteState => ({
      id: id as SiteId,
      name: id,
      mode: 'auto',
      gridIntensity: 300,
      greenQuality: greenW === undefined ? 'missing' : 'measured',
      loadW: 100,
      ...(greenW !== undefined && { greenW }),
    })
    const made = expectations(at, [site('a', 400), site('b')], [])
    t.match(made, [{ site: 'a', start: START_WALL, slotMs: HOUR, basis: /nothing is known/ }])
    const { p10, p50, p90 } = made[0]!.greenW
    t.strictSame([p10[0], p50[0], p90[0]], [400, 400, 400])
    t.strictSame([p10[47], p50[47], p90[47]], [0, 400, 800])
    t.equal(made[0]!.gridGPerKWh.p50[0], 300)
  },
)

t.test(
  'a forecast brought up to the minute: the slot of now is the meter, the rest stays within its own band',
  async t => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(900), fc.nat(300), fc.nat(300)), { minLength: 1, maxLength: 48 }),
        fc.nat(2000),
        (rows, nowW) => {
          const [p10, p50, p90] = [
            rows.map(([low]) => low),
            rows.map(([low, up]) => low + up),
            rows.map(([low, up, more]) => low + up + more),
          ]
          const base = steady('a', START_WALL, 0, { greenW: { p10, p50, p90 } })
          const { greenW } = nowcast(base, nowW, START_WALL + 5 * MINUTE)
          if (greenW.p10[0] !== nowW || greenW.p50[0] !== nowW || greenW.p90[0] !== nowW) return false
          return greenW.p50.every(
            (value, i) => i === 0 || (value >= p10[i]! && value <= p90[i]! && greenW.p10[i] === p10[i]),
          )
        },
      ),
    )
    const base = steady('a', START_WALL, 500)
    t.equal(nowcast(base, undefined, START_WALL), base, 'without a meter')
    t.equal(nowcast(base, 100, START_WALL - HOUR), base, 'not of now')
  },
)
