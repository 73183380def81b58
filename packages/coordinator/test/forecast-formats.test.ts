import fc from 'fast-check'
import t from 'tap'
import { HOUR, MINUTE } from '@heliotrope/shared'
import { electricityMapsRequests, parseElectricityMaps } from '../src/forecast/electricity-maps/parse.js'
import { parseForecastFile } from '../src/forecast/file/parse.js'
import { greenOfHour, gridOfHour } from '../src/forecast/hour-of-samples.js'
import { parseOpenMeteo } from '../src/forecast/open-meteo/parse.js'
import { openMeteoRequest } from '../src/forecast/open-meteo/request.js'
import { parseTime } from '../src/forecast/times.js'
import { parseUkCarbon, ukCarbonRequest } from '../src/forecast/uk-carbon/parse.js'

const NOW = Date.UTC(2026, 2, 29, 0, 20)
const T0 = Date.UTC(2026, 2, 29) / 1000

/** As Open-Meteo answers, three hours of it. */
const meteo = (change: object = {}, hourly: object = {}, units: object = {}): string =>
  JSON.stringify({
    latitude: 52.52,
    longitude: 13.419998,
    generationtime_ms: 0.04,
    utc_offset_seconds: 0,
    timezone: 'GMT',
    elevation: 38,
    hourly_units: {
      time: 'unixtime',
      shortwave_radiation: 'W/m²',
      temperature_2m: '°C',
      wind_speed_10m: 'm/s',
      ...units,
    },
    hourly: {
      time: [T0, T0 + 3600, T0 + 7200, T0 + 10_800],
      shortwave_radiation: [0, 10, 120, 260],
      temperature_2m: [4, 5, 6, 8],
      wind_speed_10m: [3, 4, 5, 6],
      ...hourly,
    },
    ...change,
  })

t.test('Open-Meteo: radiation is of the hour before its time, the rest of the moment', async t => {
  const { issued, flags } = parseOpenMeteo(meteo(), NOW)
  t.same(flags, [])
  t.equal(issued.length, 3)
  t.same(issued[1], {
    issuedAt: NOW,
    knownAt: NOW,
    validAt: (T0 + 3600) * 1000,
    spanMs: HOUR,
    ghiWm2: 120,
    tempC: 5.5,
    windMs: 4.5,
  })
})

t.test('Open-Meteo: what is odd is flagged, and what can be used is used', async t => {
  const flagged = (body: string, code: string) => {
    const { flags, issued } = parseOpenMeteo(body, NOW)
    t.ok(
      flags.some(flag => flag.code === code),
      code,
    )
    return issued
  }
  const kmh = flagged(meteo({}, { wind_speed_10m: [36, 36, 36, 36] }, { wind_speed_10m: 'km/h' }), 'unit')
  t.ok(Math.abs(kmh[0]!.windMs! - 10) < 1e-9, 'another unit is converted')
  const cubits = flagged(meteo({}, {}, { wind_speed_10m: 'cubits' }), 'unit')
  t.equal(cubits[0]!.windMs, undefined, 'an unknown one is left out')
  t.equal(cubits[0]!.ghiWm2, 10)
  t.equal(flagged(meteo({}, { shortwave_radiation: [0, 9e9, 1, 2] }), 'out-of-range')[0]!.ghiWm2, undefined)
  flagged(meteo({}, { temperature_2m: undefined }), 'missing')
  const hole = flagged(meteo({}, { time: [T0, T0 + 3600, T0 + 9000 + 5400, T0 + 18_000] }), 'missing')
  t.equal(hole[1]!.tempC, undefined, 'no mean is made over a hole')
  flagged(meteo({}, { time: [T0, T0 + 3600, T0 + 3600, T0 + 7200] }), 'duplicate')
  t.equal(flagged(meteo({}, { time: [T0 + 3600, T0, T0 + 7200, T0 + 10_800] }), 'backwards').length, 3)
  // Two of these local hours are one in UTC where summer time begins; the stated offset settles it.
  const local = { time: ['2026-03-29T01:00', '2026-03-29T02:00', '2026-03-29T03:00', 'noon'] }
  const shifted = flagged(meteo({ utc_offset_seconds: 3600 }, local), 'time-zone')
  t.equal(shifted[0]!.validAt, T0 * 1000)
  const [empty] = parseOpenMeteo(meteo({}, { shortwave_radiation: [null, null, 3, 4] }), NOW).issued
  t.equal(empty!.ghiWm2, undefined)
})

t.test('garbage is refused with what is wrong', async t => {
  const bad: [() => unknown, RegExp][] = [
    [() => parseOpenMeteo('<html>busy</html>', NOW), /not JSON/],
    [
      () => parseOpenMeteo('{"error":true,"reason":"Daily API request limit exceeded"}', NOW),
      /limit exceeded/,
    ],
    [() => parseOpenMeteo('{"hourly":{"time":[]}}', NOW), /does not fit its format/],
    [() => parseOpenMeteo(meteo({}, { time: [] }), NOW), /no hour/],
    [() => parseElectricityMaps('[]', 'history', NOW), /history does not fit/],
    [() => parseElectricityMaps('{"error":"Invalid auth-token"}', 'forecast', NOW), /Invalid auth-token/],
    [() => parseElectricityMaps('{"history":[]}', 'history', NOW), /no hour/],
    [
      () => parseUkCarbon('{"error":{"code":"400 Bad Request","message":"Please enter a valid date"}}', NOW),
      /valid date/,
    ],
    [() => parseUkCarbon('{"data":[]}', NOW), /no half hour/],
    [() => parseForecastFile('a,b\n1,2', NOW), /line 1/],
    [() => parseForecastFile('time_utc,grid_g_per_kwh\nyesterday,3', NOW), /no line/],
  ]
  for (const [parse, message] of bad) t.throws(parse, { code: 'bad-input', message })
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), body => {
      for (const parse of [
        () => parseOpenMeteo(body, NOW),
        () => parseElectricityMaps(body, 'forecast', NOW),
        () => parseUkCarbon(body, NOW),
        () => parseForecastFile(body, NOW),
      ])
        try {
          parse()
        } catch (error) {
          if ((error as { code?: string }).code !== 'bad-input') return false
        }
      return true
    }),
    { numRuns: 200 },
  )
})

t.test('Electricity Maps: history is measured, forecast is issued', async t => {
  const point = (hour: number, carbonIntensity: number | null) => ({
    zone: 'DE',
    carbonIntensity,
    datetime: new Date(T0 * 1000 + hour * HOUR).toISOString(),
    updatedAt: '2026-03-29T00:10:00.000Z',
    emissionFactorType: 'lifecycle',
    isEstimated: false,
    estimationMethod: null,
  })
  const history = { zone: 'DE', history: [point(-3, 300), point(-2, null), point(-1, 310), point(-1, 311)] }
  const was = parseElectricityMaps(JSON.stringify(history), 'history', NOW)
  t.same(
    was.measured.map(({ gridGPerKWh }) => gridGPerKWh),
    [300, 310],
  )
  t.same(was.flags.map(({ code }) => code).sort(), ['duplicate', 'missing', 'missing'])
  const forecast = {
    zone: 'DE',
    forecast: [point(0, 290), { carbonIntensity: 280, datetime: '2026-03-29T01:00' }, point(2, 9999)],
  }
  const will = parseElectricityMaps(JSON.stringify(forecast), 'forecast', NOW)
  t.same(
    will.issued.map(({ validAt, gridGPerKWh }) => [validAt, gridGPerKWh]),
    [[T0 * 1000, 290]],
  )
  t.same(will.flags.map(({ code }) => code).sort(), ['garbage', 'out-of-range'])
  const [request] = electricityMapsRequests({ url: 'https://e.example/v3/', zone: 'DE', token: 's3' })
  t.match(request, {
    at: { url: 'https://e.example/v3/carbon-intensity/history?zone=DE' },
    headers: { 'auth-token': 's3' },
  })
})

t.test('UK Carbon Intensity: actual is measured, forecast is issued', async t => {
  const half = (n: number, forecast: number | null, actual: number | null) => {
    const time = (at: number): string => `${new Date(at).toISOString().slice(0, 16)}Z`
    const from = T0 * 1000 + n * 30 * MINUTE
    return {
      from: time(from),
      to: time(from + 30 * MINUTE),
      intensity: { forecast, actual, index: 'moderate' },
    }
  }
  const data = [
    half(-2, 200, 210),
    half(-1, 190, 195),
    half(0, 180, null),
    half(1, 170, null),
    half(3, null, -4),
  ]
  const { issued, measured, flags } = parseUkCarbon(JSON.stringify({ data }), NOW)
  t.same(
    measured.map(({ gridGPerKWh, spanMs }) => [gridGPerKWh, spanMs]),
    [
      [210, 30 * MINUTE],
      [195, 30 * MINUTE],
    ],
  )
  t.same(
    issued.map(({ gridGPerKWh }) => gridGPerKWh),
    [180, 170],
  )
  t.same(flags.map(({ code }) => code).sort(), ['missing', 'out-of-range'])
  t.equal(gridOfHour(measured, T0 * 1000 - HOUR), 202.5)
  t.equal(gridOfHour(measured.slice(0, 1), T0 * 1000), undefined)
  t.match(ukCarbonRequest('https://uk.example', NOW), {
    at: { url: 'https://uk.example/intensity/2026-03-28T00:00Z/2026-03-31T00:00Z' },
  })
})

t.test('files', async t => {
  const weather = parseForecastFile(
    `issued_utc,valid_utc,minutes,ghi_w_m2,temp_c,wind_10m_m_s
2026-03-29T00:00Z,2026-03-29T03:00Z,180,12.5,,4.1
2026-03-29T00:00Z,2026-03-29T03:00Z,180,99,1,1
2026-03-29T00:00Z,2026-03-29T06:00Z,180,x,8,500
2026-03-29 00:00,2026-03-29T09:00Z,180,1,1,1
`,
    NOW,
  )
  t.same(weather.issued[0], {
    issuedAt: T0 * 1000,
    knownAt: NOW,
    validAt: T0 * 1000 + 3 * HOUR,
    spanMs: 3 * HOUR,
    ghiWm2: 12.5,
    windMs: 4.1,
  })
  t.equal(weather.issued.length, 2)
  t.ok(weather.flags.every(({ text }) => /line \d/.test(text)))
  const grid = parseForecastFile(
    'time_utc,grid_g_per_kwh\n2026-03-28T23:00Z,300\n2026-03-29T01:00Z,250\n',
    NOW,
  )
  t.same([grid.measured.length, grid.issued.length], [1, 1])
})

t.test('times, and requests', async t => {
  t.equal(parseTime('2026-03-29T02:30+02:00'), T0 * 1000 + 30 * MINUTE)
  for (const bad of ['2026-03-29T02:30', 'now', 5, null, '2026-13-01T00:00Z'])
    t.ok(Number.isNaN(parseTime(bad)), String(bad))
  const { at } = openMeteoRequest({
    url: 'http://m.example/v1/forecast',
    latitude: 52.52,
    longitude: 13.4,
    apiKey: 'k',
  })
  const { searchParams } = new URL((at as { url: string }).url)
  t.equal(searchParams.get('hourly'), 'shortwave_radiation,temperature_2m,wind_speed_10m')
  t.match(Object.fromEntries(searchParams), {
    wind_speed_unit: 'ms',
    timeformat: 'unixtime',
    timezone: 'GMT',
    apikey: 'k',
  })
})

t.test('hours of samples', async t => {
  const sample = (minute: number, valueW: number, meter = 'm', quality = 'measured' as const) => ({
    meter,
    at: minute * MINUTE,
    valueW,
    quality,
  })
  const each = (step: number, valueW: number, meter?: string) =>
    Array.from({ length: Math.floor(60 / step) }, (_, i) => sample(i * step, valueW, meter))
  const none = new Set<string>()
  t.equal(greenOfHour(each(1, 100), 0, none)!.greenW, 100)
  t.equal(greenOfHour([...each(5, 100), ...each(5, 50, 'n')], 0, none)!.greenW, 150)
  // A burst of samples in five minutes is still five minutes.
  const burst = Array.from({ length: 500 }, () => sample(7, 1000))
  t.equal(greenOfHour([...each(5, 100), ...burst], 0, none)!.greenW < 200, true)
  t.equal(greenOfHour(each(5, 100).slice(0, 6), 0, none), undefined, 'half an hour is no hour')
  t.equal(greenOfHour(each(5, 100), 0, new Set(['m', 'gone'])), undefined, 'a meter fell silent')
  const stale = each(5, 100).map(one => ({ ...one, quality: 'stale' as const }))
  t.equal(greenOfHour(stale, 0, none), undefined)
  t.equal(greenOfHour(each(5, -3), 0, none)!.greenW, 0, 'an inverter at night makes no debt')
})
