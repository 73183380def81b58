// The sources against a real HTTP server, on a clock of the test's.
import t from 'tap'
import type { Test } from 'tap'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HOUR, memoryLog, MINUTE, seededRng, settle, VirtualClock } from '@heliotrope/shared'
import type { Parsed } from '../src/forecast/source.js'
import { FETCH_DEADLINE_MS, fetchText, MAX_BODY_BYTES } from '../src/forecast/fetch-text.js'
import { Poller } from '../src/forecast/poller.js'
import { createSource } from '../src/forecast/sources.js'
import type { SourceConfig } from '../src/forecast/sources.js'
import { START_WALL } from './samples.js'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function server(
  t: Test,
  answer: Answer,
): Promise<{ url: string; asked: IncomingMessage[]; now: { answer: Answer } }> {
  const asked: IncomingMessage[] = []
  const now = { answer }
  const http = createServer((request, response) => {
    asked.push(request)
    now.answer(request, response)
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    http.closeAllConnections()
    return new Promise(resolve => http.close(resolve))
  })
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, asked, now }
}

const http = (url: string, init: RequestInit): Promise<Response> => fetch(url, init)

const weather = (speed = 5): string => {
  const first = START_WALL / 1000
  const hours = Array.from({ length: 60 }, (_, i) => i)
  return JSON.stringify({
    utc_offset_seconds: 0,
    hourly_units: {
      time: 'unixtime',
      shortwave_radiation: 'W/m²',
      temperature_2m: '°C',
      wind_speed_10m: 'm/s',
    },
    hourly: {
      time: hours.map(i => first + i * 3600),
      shortwave_radiation: hours.map(() => 100),
      temperature_2m: hours.map(() => 10),
      wind_speed_10m: hours.map(() => speed),
    },
  })
}

function polling(t: Test, config: SourceConfig, secret?: string) {
  const clock = new VirtualClock(START_WALL)
  const taken: Parsed[] = []
  const files = new Map<string, { text: string; changedAt: number }>()
  const readFile = (path: string) => {
    const file = files.get(path)
    if (!file) throw new Error(`ENOENT ${path}`)
    return file
  }
  let started = 0
  const counted = (url: string, init: RequestInit): Promise<Response> => {
    started++
    return fetch(url, init)
  }
  const ports = { clock, rng: seededRng(1), log: memoryLog(), http: counted, readFile }
  const source = createSource(config, { latitude: 50, longitude: 8 }, secret)
  const poller = new Poller(ports, source, parsed => taken.push(parsed))
  t.teardown(() => poller.stop())
  /** Lets time pass until something outside has been answered; real sockets take real turns of the loop. */
  const until = async (done: () => boolean): Promise<void> => {
    for (let turn = 0; turn < 5_000 && !done(); turn++) {
      await settle()
      await new Promise(resolve => setImmediate(resolve))
    }
    t.ok(done(), 'what was waited for came')
  }
  /** Lets time pass until it asks, and no further: a question under way must not run into its deadline. */
  const asks = async (within: number): Promise<void> => {
    const before = started
    for (let waited = 0; started === before && waited < within; waited += 10_000) await clock.advance(10_000)
    t.equal(started, before + 1, 'it asked')
  }
  return { clock, taken, poller, until, asks, files }
}

t.test('an answer is asked for again with its ETag, and not before it is due', async t => {
  const { url, asked, now } = await server(t, (_, response) => {
    response.setHeader('etag', '"one"')
    response.setHeader('cache-control', 'public, max-age=7200')
    response.end(weather())
  })
  const { clock, taken, poller, until, asks } = polling(t, {
    kind: 'open-meteo',
    url: `${url}/v1/forecast`,
    everyMs: HOUR,
  })
  poller.start()
  await clock.advance(10)
  await until(() => poller.state().goodAt !== undefined)
  t.match(asked[0]!.url, /^\/v1\/forecast\?latitude=50\.0000&longitude=8\.0000&hourly=shortwave_radiation%2C/)
  t.equal(taken.length, 1)
  t.equal(taken[0]!.issued.length, 59)
  await clock.advance(HOUR + 10 * MINUTE)
  t.equal(asked.length, 1, 'the server said two hours')
  now.answer = (request, response) => {
    t.equal(request.headers['if-none-match'], '"one"')
    response.statusCode = 304
    response.end()
  }
  await asks(2 * HOUR)
  await until(() => asked.length === 2 && (poller.state().goodAt ?? 0) > START_WALL + HOUR)
  t.equal(taken.length, 1, 'nothing new')
  t.match(poller.state(), { failures: 0 })
})

t.test('offline, garbage, busy: backs off, says so, keeps what it has', async t => {
  const { url, asked, now } = await server(t, (_, response) => response.end(weather()))
  const { clock, taken, poller, until, asks } = polling(t, {
    kind: 'open-meteo',
    url: `${url}/v1/forecast`,
    everyMs: HOUR,
  })
  poller.start()
  await clock.advance(10)
  await until(() => poller.state().goodAt !== undefined)
  const { goodAt } = poller.state()
  const fails = async (answer: Answer, error: RegExp, failures: number): Promise<void> => {
    now.answer = answer
    await asks(3 * HOUR)
    await until(() => poller.state().failures === failures)
    t.match(poller.state(), { failures, error, goodAt })
  }
  await fails((_, response) => response.end('<html>'), /not JSON/, 1)
  await fails((_, response) => response.end('{"hourly":{}}'), /does not fit/, 2)
  await fails((_, response) => void response.socket?.destroy(), /cannot be reached/, 3)
  await fails(
    (_, response) => {
      response.statusCode = 429
      response.setHeader('retry-after', '5400')
      response.end('{"error":true,"reason":"Hourly API request limit exceeded."}')
    },
    /429.*limit/,
    4,
  )
  const before = asked.length
  await clock.advance(80 * MINUTE)
  t.equal(asked.length, before, 'Retry-After is kept')
  t.equal(taken.length, 1)
  now.answer = (_, response) => response.end(weather(7))
  await asks(30 * MINUTE)
  await until(() => poller.state().failures === 0)
  t.equal(taken.length, 2)
})

t.test('a server that hangs, or never ends, or redirects', async t => {
  const { url, asked, now } = await server(t, () => {})
  const clock = new VirtualClock(START_WALL)
  const get = () => fetchText(http, clock, `${url}/x`, { 'auth-token': 's' }, {})
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await new Promise(resolve => setImmediate(resolve))
  }
  const hanging = t.rejects(get(), { code: 'timeout', message: /did not answer/ })
  await until(() => asked.length === 1)
  await clock.advance(FETCH_DEADLINE_MS + 1)
  await hanging
  now.answer = (_, response) => response.write('{"a":')
  const halves = t.rejects(get(), { code: 'timeout' })
  await until(() => asked.length === 2)
  await clock.advance(FETCH_DEADLINE_MS + 1)
  await halves
  now.answer = (_, response) => response.end(Buffer.alloc(MAX_BODY_BYTES + 1, 32))
  await t.rejects(get(), { code: 'bad-input', message: /more than/ })
  now.answer = (_, response) => response.writeHead(302, { location: `${url}/elsewhere` }).end()
  await t.rejects(get(), { code: 'unavailable' })
  t.notOk(
    asked.some(({ url }) => url === '/elsewhere'),
    'the token goes nowhere else',
  )
})

t.test('Electricity Maps with its token; a refused one is not asked again at once', async t => {
  const { url, asked, now } = await server(t, (request, response) => {
    t.equal(request.headers['auth-token'], 'secret')
    const at = (hour: number): string => new Date(START_WALL + hour * HOUR).toISOString()
    response.end(
      request.url!.includes('/history')
        ? JSON.stringify({ zone: 'DE', history: [{ carbonIntensity: 300, datetime: at(-1) }] })
        : JSON.stringify({ zone: 'DE', forecast: [{ carbonIntensity: 250, datetime: at(1) }] }),
    )
  })
  const config = { kind: 'electricity-maps', url: `${url}/v3`, zone: 'DE', everyMs: HOUR } as const
  const { clock, taken, poller, until, asks } = polling(t, config, 'secret')
  poller.start()
  await clock.advance(10)
  await until(() => poller.state().goodAt !== undefined)
  t.same(
    asked.map(request => request.url),
    ['/v3/carbon-intensity/history?zone=DE', '/v3/carbon-intensity/forecast?zone=DE'],
  )
  t.match(taken, [{ measured: [{ gridGPerKWh: 300 }] }, { issued: [{ gridGPerKWh: 250 }] }])
  now.answer = (_, response) => {
    response.statusCode = 401
    response.end('{"error":"Invalid auth-token"}')
  }
  await asks(2 * HOUR)
  await until(() => poller.state().failures === 1)
  t.match(poller.state(), { error: /401/, remedy: /secret_file/ })
  await clock.advance(50 * MINUTE)
  t.equal(asked.length, 3)
})

t.test('UK Carbon Intensity, and files', async t => {
  const { url, asked } = await server(t, (_, response) =>
    response.end(
      JSON.stringify({
        data: [
          {
            from: '2026-06-21T10:00Z',
            to: '2026-06-21T10:30Z',
            intensity: { forecast: 140, actual: null, index: 'moderate' },
          },
        ],
      }),
    ),
  )
  const uk = polling(t, { kind: 'uk-carbon-intensity', url, everyMs: 30 * MINUTE })
  uk.poller.start()
  await uk.clock.advance(10)
  await uk.until(() => uk.taken.length === 1)
  t.equal(asked[0]!.url, '/intensity/2026-06-20T10:00Z/2026-06-23T10:00Z')

  const file = polling(t, { kind: 'file', path: '/f.csv' })
  file.poller.start()
  await file.clock.advance(10)
  await file.until(() => file.poller.state().failures === 1)
  file.files.set('/f.csv', { text: 'time_utc,grid_g_per_kwh\n2026-06-21T12:00Z,99\n', changedAt: 1 })
  await file.clock.advance(2 * MINUTE)
  await file.until(() => file.taken.length === 1)
  await file.clock.advance(10 * MINUTE)
  t.equal(file.taken.length, 1, 'read again only when it changed')
  file.files.set('/f.csv', { text: 'time_utc,grid_g_per_kwh\n2026-06-21T12:00Z,98\n', changedAt: 2 })
  await file.clock.advance(2 * MINUTE)
  await file.until(() => file.taken.length === 2)
})
