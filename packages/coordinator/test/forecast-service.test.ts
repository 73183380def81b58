import t from 'tap'
import type { Test } from 'tap'
import { DAY, HOUR, memoryLog, MINUTE, seededRng, VirtualClock } from '@heliotrope/shared'
import type { HostId, Report, SiteId } from '@heliotrope/shared'
import { checkConfig } from '../src/config/load.js'
import { forecastText } from '../src/cli/forecast-text.js'
import { noOutside } from '../src/forecast/config.js'
import { createForecastService } from '../src/forecast/forecast-service.js'
import type { ForecastService } from '../src/forecast/forecast-service.js'
import { openForecastStore } from '../src/forecast/forecast-store.js'
import { openDatabase } from '../src/store/database.js'
import { openTelemetry } from '../src/store/telemetry.js'
import { START_WALL } from './samples.js'

t.setTimeout(120_000)

const a = 'a' as SiteId
const place = { site: a, latitude: 50, longitude: 8, gridGPerKWh: 300 }

function fleet(t: Test, config: object = {}) {
  const clock = new VirtualClock(START_WALL)
  const db = openDatabase(':memory:')
  const telemetry = openTelemetry(db)
  const store = openForecastStore(db)
  const log = memoryLog()
  const make = (): ForecastService =>
    createForecastService({ clock, rng: seededRng(1), log, store, telemetry, ...noOutside }, [
      { ...place, solarPeakW: 0, windRatedW: 0, ...config },
    ])
  let seq = 0
  /** A meter speaks every 5 min for an hour; then the hour is over. */
  const hour = async (valueW: number | undefined): Promise<void> => {
    const from = Math.floor(clock.wall() / HOUR) * HOUR
    if (valueW !== undefined) {
      const samples = Array.from({ length: 12 }, (_, i) => ({
        meter: 'roof',
        role: 'green-power' as const,
        valueW,
        at: from + i * 5 * MINUTE,
        quality: 'measured' as const,
      }))
      const report = { host: 'x' as HostId, site: a, bootId: 'b', seq: ++seq, samples } as unknown as Report
      telemetry.store([report], from)
    }
    for (let i = 0; i < 6; i++) await clock.advance(10 * MINUTE)
  }
  t.teardown(() => void db.close())
  return { clock, store, log, make, hour }
}

t.test('a site with nothing but a meter', async t => {
  const { clock, store, make, hour } = fleet(t)
  const service = make()
  service.start()
  await clock.advance(10 * MINUTE)
  t.same(service.forecasts(clock.wall()), [], 'nothing is made up')
  t.match(forecastText(service.view(a, clock.wall())), /no forecast yet/)
  for (let i = 0; i < 60; i++) await hour(100 + (i % 24) * 10)
  const [forecast] = service.forecasts(clock.wall())
  t.equal(forecast!.greenW.p50.length, 48)
  t.equal(forecast!.start, Math.floor(clock.wall() / HOUR) * HOUR)
  t.ok(Math.max(...forecast!.greenW.p50) > 200 && Math.max(...forecast!.greenW.p50) < 500)
  t.ok(forecast!.gridGPerKWh.p50.every(value => Math.abs(value - 300) < 1))
  await hour(undefined)
  await hour(500)
  const stored = store.hours(a, 0, clock.wall() + DAY)
  t.equal(stored.at(-2)!.greenW, undefined, 'an hour without the meter is no hour of darkness')
  t.ok(service.view(a, clock.wall()).scores[0]!.horizons.length > 40)
  await service.stop()

  const again = make()
  again.start()
  await clock.advance(MINUTE)
  t.ok(again.forecasts(clock.wall()).length === 1, 'a restart forgets nothing')
  t.match(again.view(a, clock.wall()).scores[0], { source: 'green' })
  const text = forecastText(again.view(a, clock.wall()))
  t.match(text, /^a, 2026-06-2\dT/)
  t.match(text, /green p90 {2}[▁▂▃▄▅▆▇█]{48}/)
  t.match(text, /green +24 h .* %/)
  t.match(text, /HOUR FROM +GREEN W p10/)
  await again.stop()
  t.throws(() => again.view('q' as SiteId, 0), { code: 'unknown', message: /known: a/ })
})

t.test('panels are forecast from the sun before anything is measured', async t => {
  const { clock, make } = fleet(t, { solarPeakW: 2000 })
  const service = make()
  service.start()
  await clock.advance(MINUTE)
  const [forecast] = service.forecasts(clock.wall())
  t.ok(forecast!.greenW.p50[0]! > 200, 'ten in the morning in June')
  await service.stop()
})

t.test('a clock that was ahead', async t => {
  const { clock, store, log, make } = fleet(t)
  const now = Math.floor(clock.wall() / HOUR) * HOUR
  for (let i = -30; i < 40; i++) store.keepHour(a, { at: now + i * HOUR, greenW: 100 })
  const service = make()
  service.start()
  await clock.advance(10 * MINUTE)
  t.match(log.lines.at(-1), { message: /ahead of the clock/, fields: { dropped: 40 } })
  t.equal(service.forecasts(clock.wall()).length, 1)
  clock.epoch -= 3 * HOUR
  await clock.advance(10 * MINUTE)
  t.match(log.lines.at(-1), { message: /ahead of the clock/, fields: { dropped: 3 } })
  t.ok(store.lastHour(a)! <= clock.wall())
  t.equal(service.forecasts(clock.wall()).length, 1)
  await service.stop()
})

t.test('the config of forecasts', async t => {
  const text = (site: string): string => `server_names: [localhost]
sites:
  - { id: a, latitude: 1, longitude: 2, grid_gco2eq_per_kwh: 300, ${site} }
`
  const good = checkConfig(
    text(
      'panels: { peak_w: 5000, tilt_deg: 35 }, turbines: { rated_w: 2000 }, weather: { kind: open-meteo }, ' +
        'grid: { kind: electricity-maps, zone: DE, secret_file: /etc/heliotrope/token }',
    ),
  )
  t.match(good.config?.forecasts, [
    {
      site: 'a',
      solarPeakW: 5000,
      windRatedW: 2000,
      panel: { tiltDeg: 35, azimuthDeg: 180 },
      weather: { kind: 'open-meteo', url: /^https:/, everyMs: HOUR },
      grid: { kind: 'electricity-maps', zone: 'DE', secretFile: '/etc/heliotrope/token' },
    },
  ])
  for (const [site, problem] of [
    ['panels: { peak_w: -1 }', /panels.peak_w/],
    ['weather: { kind: oracle }', /weather/],
    ['weather: { kind: open-meteo, url: ftp://x }', /http/],
    ['grid: { kind: file, path: here.csv }', /absolute/],
    ['grid: { kind: electricity-maps, zone: "D E" }', /zone/],
    ['turbines: { rated_w: 1, hub: 3 }', /hub/],
  ] as const)
    t.match(checkConfig(text(site)).problems.join(), problem, site)
})

t.test('what is kept is thinned', async t => {
  const store = openForecastStore(openDatabase(':memory:'))
  const now = START_WALL
  for (let hour = 0; hour < 24 * 20; hour += 1)
    store.keepIssued(a, 'weather', now - hour * HOUR, [
      { issuedAt: now - hour * HOUR, knownAt: now - hour * HOUR, validAt: now, spanMs: HOUR, windMs: hour },
    ])
  store.keepHour(a, { at: now - 500 * DAY, greenW: 1 })
  store.keepHour(a, { at: now - DAY, greenW: 2 })
  store.keepHour(a, { at: now - DAY, greenW: 3, gridGPerKWh: 9 })
  store.thin(now)
  const before = store.issued(a, 0).length
  t.ok(before > 24 * 7 && before < 24 * 13, `${before}`)
  store.thin(now)
  t.equal(store.issued(a, 0).length, before, 'idempotent')
  t.same(store.hours(a, 0, now), [{ at: now - DAY, greenW: 2, gridGPerKWh: 9 }], 'what was known stays')
  t.equal(store.lastIssued(a, 'weather'), now)
})
