import fc from 'fast-check'
import t from 'tap'
import type { SiteId } from '@heliotrope/shared'
import { createSiteForecaster, sunPosition, clearSkyWm2 } from '@heliotrope/planner'
import type { HourObservation, IssuedWeather, SiteForecast, SiteForecasterOptions } from '@heliotrope/planner'
import { noise } from './noise.js'

t.setTimeout(120_000)

const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = Date.UTC(2021, 3, 1)
const place = { latitude: 50, longitude: 8 }
const options: SiteForecasterOptions = {
  site: 'a' as SiteId,
  ...place,
  solarPeakW: 1000,
  windRatedW: 500,
  gridGPerKWh: 400,
}

/** A made-up world: clouds and wind that last for hours, panels, a turbine, a grid with a day and a trend. */
function world(days: number, seed: number): { hours: HourObservation[]; issued: IssuedWeather[] } {
  const random = noise(seed)
  const hours: HourObservation[] = []
  let [cloud, wind] = [0.5, 6]
  const sky: { ghi: number; wind: number }[] = []
  for (let i = 0; i < days * 24; i++) {
    const at = START + i * HOUR
    cloud = Math.min(1, Math.max(0, 0.5 + 0.95 * (cloud - 0.5) + 0.25 * (random() - 0.5)))
    wind = Math.max(0, 6 + 0.95 * (wind - 6) + 2.5 * (random() - 0.5))
    const ghi =
      clearSkyWm2(sunPosition(place.latitude, place.longitude, at + HOUR / 2).sinElevation) *
      (1 - 0.8 * cloud)
    sky.push({ ghi, wind })
    const solarW = 0.85 * ghi
    const windW = 500 * Math.min(1, Math.max(0, (wind ** 3 - 27) / (12 ** 3 - 27)))
    const gridGPerKWh = 400 + 80 * Math.cos((2 * Math.PI * i) / 24) - 0.1 * windW + 10 * (random() - 0.5)
    hours.push({ at, solarW, windW, gridGPerKWh })
  }
  const issued: IssuedWeather[] = []
  for (let day = 0; day < days; day++)
    for (let step = 0; step < 32; step++) {
      const first = day * 24 + step * 3
      const part = sky.slice(first, first + 3)
      if (part.length < 3) continue
      const wrong = 1 + 0.3 * (random() - 0.5) * (step / 16)
      const mean = (pick: (one: { ghi: number; wind: number }) => number): number =>
        (wrong * part.reduce((sum, one) => sum + pick(one), 0)) / 3
      issued.push({
        issuedAt: START + day * DAY,
        knownAt: START + day * DAY + 5 * HOUR,
        validAt: START + first * HOUR,
        spanMs: 3 * HOUR,
        ghiWm2: mean(one => one.ghi),
        windMs: mean(one => one.wind),
        tempC: 12,
      })
    }
  return { hours, issued }
}

const sound = (forecast: SiteForecast, slots: number): boolean =>
  [forecast.greenW, forecast.gridGPerKWh].every(
    ({ p10, p50, p90 }) =>
      [p10, p50, p90].every(
        values => values.length === slots && values.every(value => Number.isFinite(value) && value >= 0),
      ) && p50.every((value, i) => p10[i]! <= value && value <= p90[i]!),
  )

t.test('with weather forecasts it beats every reference, and its bands hold', async t => {
  const { hours, issued } = world(110, 7)
  const forecaster = createSiteForecaster(options)
  forecaster.learn({ hours, issued })
  const scores = forecaster.scores()
  t.same(
    scores.map(({ source }) => source),
    ['solar', 'wind', 'grid'],
  )
  for (const { source, horizons } of scores)
    for (const { horizon, skill, coverage, count } of horizons) {
      if (![6, 24, 48].includes(horizon)) continue
      t.ok(count > 500)
      t.ok(skill > (source === 'grid' ? 0.05 : 0.25), `${source} ${horizon} h: skill ${skill}`)
      t.ok(coverage > 0.7 && coverage < 0.9, `${source} ${horizon} h: coverage ${coverage}`)
    }
  const now = hours.at(-1)!.at + HOUR
  const forecast = forecaster.forecast(now, 48)
  t.ok(sound(forecast, 48))
  t.match(forecast, { site: 'a', issuedAt: now, start: now, slotMs: HOUR, basis: /less error than/ })
  const night = forecaster.sources(now, 48).find(({ source }) => source === 'solar')!.powerW
  t.equal(night.p90[0], 0, 'the sun is down at midnight')
  t.same(forecaster.forecast(now, 48), forecast, 'asking changes nothing')
})

t.test('nothing of the future goes in', async t => {
  const { hours, issued } = world(20, 3)
  const cut = 15 * 24 + 7
  const now = hours[cut - 1]!.at + HOUR
  const past = createSiteForecaster({ ...options, issued: true })
  past.issue(issued.filter(({ knownAt }) => knownAt <= now))
  const all = createSiteForecaster({ ...options, issued: true })
  // The same, but for lines that are not out yet and now say something else.
  all.issue(issued.map(row => (row.knownAt <= now ? row : { ...row, ghiWm2: 9, windMs: 25 })))
  for (const hour of hours.slice(0, cut)) {
    past.observe(hour)
    all.observe(hour)
  }
  t.same(all.forecast(now, 48), past.forecast(now, 48))
  t.notSame(all.forecast(now + HOUR, 47).greenW.p50, past.forecast(now, 47).greenW.p50)
})

t.test('without weather forecasts it is not worse than the references', async t => {
  const { hours } = world(90, 5)
  const forecaster = createSiteForecaster({ ...options, trees: false })
  forecaster.learn({ hours })
  for (const { source, horizons } of forecaster.scores())
    for (const { horizon, skill } of horizons)
      if ([1, 6, 24, 48].includes(horizon)) t.ok(skill > -0.03, `${source} ${horizon} h: ${skill}`)
})

t.test('one meter for sun and wind together', async t => {
  const { hours, issued } = world(50, 9)
  const forecaster = createSiteForecaster({ ...options, trees: false })
  const together = hours.map(({ at, solarW, windW }) => ({ at, greenW: solarW! + windW! }))
  forecaster.learn({ hours: together, issued })
  const [green, grid] = forecaster.scores()
  t.match(green, { source: 'green' })
  t.ok(green!.horizons.find(({ horizon }) => horizon === 24)!.skill > 0.15)
  t.same(grid!.horizons, [], 'nobody measured the grid')
  const forecast = forecaster.forecast(hours.at(-1)!.at + HOUR, 60)
  t.ok(sound(forecast, 60), 'beyond what was learnt, too')
  t.ok(
    forecast.gridGPerKWh.p50.every(value => Math.abs(value - 400) < 1),
    'then what was declared stands',
  )
})

t.test("a forecast of the grid's operator is used", async t => {
  const { hours } = world(60, 11)
  const random = noise(12)
  const wild = hours.map(hour => ({ ...hour, gridGPerKWh: 200 + 400 * random() }))
  const issued = wild.map((hour, i) => ({
    issuedAt: START + Math.floor(i / 24) * DAY - 2 * DAY,
    knownAt: START + Math.floor(i / 24) * DAY - 2 * DAY,
    validAt: hour.at,
    spanMs: HOUR,
    gridGPerKWh: hour.gridGPerKWh + 20 * (random() - 0.5),
  }))
  const forecaster = createSiteForecaster({ ...options, trees: false })
  forecaster.learn({ hours: wild, issued })
  const day = forecaster
    .scores()
    .at(-1)!
    .horizons.find(({ horizon }) => horizon === 24)!
  t.ok(day.skill > 0.6, `${day.skill}`)
})

t.test('before anything was measured', async t => {
  const forecaster = createSiteForecaster({ ...options, windRatedW: 0 })
  const noon = Date.UTC(2021, 5, 21, 11)
  const forecast = forecaster.forecast(noon + 20 * 60_000, 24)
  t.equal(forecast.start, noon)
  t.ok(sound(forecast, 24))
  t.ok(forecast.greenW.p50[0]! > 100 && forecast.greenW.p50[12] === 0, 'the data sheet and the sun')
})

t.test('odd input is flagged and changes no more than its hour', async t => {
  const { hours } = world(12, 21)
  const clean = createSiteForecaster({ ...options, trees: false })
  clean.learn({ hours })
  const odd = createSiteForecaster({ ...options, trees: false })
  for (const hour of hours) {
    odd.observe(hour)
    odd.observe({ ...hour, solarW: 1e6 })
    odd.observe({ ...hour, at: hour.at - 5 * HOUR, windW: 400 })
    odd.observe({ ...hour, at: hour.at + 60_000 })
    odd.observe({ ...hour, at: NaN })
  }
  const now = hours.at(-1)!.at + HOUR
  t.same(odd.forecast(now, 48), clean.forecast(now, 48))
  const codes = odd.flags().map(({ code }) => code)
  t.same(codes.sort(), ['backwards', 'duplicate', 'off-grid'])
  odd.observe({ at: now, solarW: NaN, windW: 1e9, gridGPerKWh: -50 })
  odd.observe({ at: now + 10 * HOUR, windW: -400 })
  for (const code of ['not-a-number', 'out-of-range', 'negative', 'missing'])
    t.ok(
      odd.flags().some(flag => flag.code === code && flag.text.length > 10),
      code,
    )
  t.ok(sound(odd.forecast(now + 11 * HOUR, 48), 48))
})

t.test('any input gives a sound forecast', async () => {
  const value = fc.option(fc.oneof(fc.double(), fc.double({ min: -10, max: 2000, noNaN: true })), {
    nil: undefined,
  })
  const hour = fc.record({
    step: fc.integer({ min: -2, max: 9 }),
    solar: value,
    wind: value,
    grid: value,
    speed: value,
  })
  fc.assert(
    fc.property(
      fc.array(hour, { maxLength: 25 }),
      fc.array(fc.tuple(value, value, value), { maxLength: 10 }),
      (steps, lines) => {
        const forecaster = createSiteForecaster({ ...options, maxSlots: 12, trees: false, issued: true })
        forecaster.issue(
          lines.map(([ghi, wind, temp], i) => ({
            issuedAt: START,
            knownAt: START,
            validAt: START + i * 3 * HOUR,
            spanMs: 3 * HOUR,
            ...(ghi === undefined ? {} : { ghiWm2: ghi }),
            ...(wind === undefined ? {} : { windMs: wind }),
            ...(temp === undefined ? {} : { tempC: temp }),
          })),
        )
        let at = START
        for (const { step, solar, wind, grid } of steps) {
          at += step * HOUR
          forecaster.observe({
            at,
            ...(solar === undefined ? {} : { solarW: solar }),
            ...(wind === undefined ? {} : { windW: wind }),
            ...(grid === undefined ? {} : { gridGPerKWh: grid }),
          })
        }
        return sound(forecaster.forecast(at + HOUR, 20), 20)
      },
    ),
    { numRuns: 25, seed: 1 },
  )
})
