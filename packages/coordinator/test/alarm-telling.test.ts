// Alarms reach whoever is to be woken: in order, once, through restarts and endpoints that are down.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import {
  HeliotropeError,
  memoryLog,
  MINUTE,
  SECOND,
  settle,
  systemClock,
  VirtualClock,
} from '@heliotrope/shared'
import { AlarmMessenger } from '../src/alarm/alarm-messenger.js'
import { byCommand } from '../src/alarm/by-command.js'
import { byWebhook } from '../src/alarm/by-webhook.js'
import { testNotice } from '../src/alarm/notice.js'
import type { AlarmNotice } from '../src/alarm/notice.js'
import { openAlarms } from '../src/store/alarms.js'
import { openDatabase } from '../src/store/database.js'
import { run, world } from './kit.js'
import { START_WALL } from './samples.js'

const notice = testNotice('coordinator.example', 'test', 0)

function telling() {
  const clock = new VirtualClock(START_WALL)
  const log = memoryLog()
  const alarms = openAlarms(openDatabase(':memory:'), clock, log)
  const told: AlarmNotice[] = []
  const state = { down: false }
  const open = () =>
    new AlarmMessenger({
      clock,
      log,
      alarms,
      coordinator: 'c',
      deliver: one => {
        if (state.down) return Promise.reject(new HeliotropeError('unavailable', 'down'))
        told.push(one)
        return Promise.resolve()
      },
    })
  const said = () => told.map(({ state: what, key }) => `${what} ${key}`)
  return { clock, log, alarms, state, open, said, told }
}

void t.test('each change is told once, in order, with its remedy', async t => {
  const { clock, alarms, open, said, told } = telling()
  alarms.raise('x', 'before', 'was there before the start', 'look')
  const messenger = open()
  messenger.start()
  await settle()
  alarms.raise('x', 'b', 'text of b', 'remedy of b')
  alarms.raise('x', 'b', 'again', 'again')
  await settle()
  await clock.advance(MINUTE)
  alarms.clear('x', 'b')
  await clock.advance(1)
  alarms.raise('coordinator', 'a', 'text of a', 'remedy of a')
  await settle()
  t.strictSame(said(), ['raised before', 'raised b', 'cleared b', 'raised a'])
  t.match(told[1], { coordinator: 'c', source: 'x', text: 'text of b', remedy: 'remedy of b' })
  t.equal(told[2]?.at, new Date(clock.wall() - 1).toISOString())
  await messenger.stop()
  alarms.raise('x', 'late', 'after the stop', '')
  await settle()
  t.equal(told.length, 4)
})

void t.test('an endpoint that is down loses nothing, and is not told what is over', async t => {
  const { clock, log, alarms, state, open, said } = telling()
  const messenger = open()
  messenger.start()
  alarms.raise('x', 'first', '', '')
  await settle()
  state.down = true
  alarms.clear('x', 'first')
  alarms.raise('x', 'short', '', '')
  alarms.raise('x', 'long', '', '')
  await run(clock, 30 * SECOND)
  alarms.clear('x', 'short')
  await run(clock, 30 * MINUTE, 10 * SECOND)
  t.strictSame(said(), ['raised first'])
  const tries = log.lines.filter(line => line.message === 'alarm not taken').length
  t.ok(tries > 5 && tries < 20, `tried ${tries} times in half an hour`)
  await messenger.stop()

  state.down = false
  const next = open()
  next.start()
  await settle()
  t.strictSame(said(), ['raised first', 'cleared first', 'raised long'], 'a restart has lost nothing')
  await next.stop()
})

void t.test('webhook: POST as JSON, authorised; refusals, silence and redirects are no success', async t => {
  const got: { body: string; headers: Record<string, unknown> }[] = []
  let answer = 204
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      got.push({ body, headers: request.headers })
      if (answer === 0) return
      response.writeHead(answer, { location: '/elsewhere' }).end(answer === 500 ? 'no\nroom' : undefined)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  const deliver = byWebhook(
    (to, init) => fetch(to, init),
    systemClock(),
    url,
    () => 'Bearer s',
  )
  await deliver(notice)
  t.match(got[0]?.headers, { 'content-type': 'application/json', authorization: 'Bearer s' })
  t.strictSame(JSON.parse(got[0]!.body), notice)
  answer = 500
  await t.rejects(deliver(notice), { code: 'unavailable', message: /answers 500: no room/ })
  answer = 302
  await t.rejects(deliver(notice), { code: 'unavailable' })
  t.equal(got.length, 3, 'nobody followed it')
  answer = 0
  const clock = new VirtualClock(START_WALL)
  const silent = byWebhook((to, init) => fetch(to, init), clock, url)(notice)
  silent.catch(() => {})
  while (got.length < 4) await new Promise(resolve => setTimeout(resolve, 5))
  await clock.advance(15 * SECOND)
  await t.rejects(silent, { code: 'timeout', message: /did not answer within 15 s/ })
})

void t.test('command: JSON on stdin, no shell; exit code and last words say why not', async t => {
  const folder = t.testdir()
  const program = join(folder, 'page me')
  writeFileSync(
    program,
    `#!/bin/sh\n[ "$1" = '$(id)' ] || exit 9\ncat > "$2"\necho first >&2; echo "no line" >&2; exit $3\n`,
  )
  chmodSync(program, 0o700)
  const out = join(folder, 'out.json')
  await byCommand([program, '$(id)', out, '0'])(notice)
  t.strictSame(JSON.parse(readFileSync(out, 'utf8')), notice)
  await t.rejects(byCommand([program, '$(id)', out, '3'])(notice), {
    code: 'exec-failed',
    message: /page me: 3: no line/,
  })
  await t.rejects(byCommand([join(folder, 'none')])(notice), { code: 'exec-failed', message: /ENOENT/ })
  await t.rejects(byCommand(['/bin/sleep', '60'], 200)(notice), { message: /did not end within 0.2 s/ })
  await byCommand(['/bin/true'])(notice)
})

void t.test('heliotrope alarms: the list, and the test that somebody hears', async t => {
  const nobody = world()
  await t.rejects(async () => nobody.coordinator.console['alarms.test']({ by: 'me' }), {
    code: 'refused',
    remedy: /alarms.webhook/,
  })
  const told: AlarmNotice[] = []
  const of = world(
    {},
    { alarm: { coordinator: 'c.example', deliver: one => Promise.resolve(void told.push(one)) } },
  )
  await of.coordinator.console['alarms.test']({ by: 'me' })
  t.match(told, [{ coordinator: 'c.example', key: 'test', text: /asked for by me/ }])
  t.strictSame(of.coordinator.console.alarms({ limit: 10 }), [])
  await of.coordinator.stop()
  await nobody.coordinator.stop()
})
