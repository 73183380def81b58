import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { systemClock } from '@heliotrope/shared'
import fc from 'fast-check'
import tap from 'tap'
import { nutAddress, nutMeter } from '../src/drivers/meter/nut.js'
import { NutClient } from '../src/drivers/meter/nut-client.js'
import { quoteWord, splitWords } from '../src/drivers/meter/nut-protocol.js'
import { startUpsd, upsdMissing } from './support/real-upsd.js'

const t = tap
const clock = systemClock()
const clientOf = (port: number, more: Partial<ConstructorParameters<typeof NutClient>[0]> = {}): NutClient =>
  new NutClient({ dial: connect, clock, host: '127.0.0.1', port, timeoutMs: 3_000, ...more })
const signal = new AbortController().signal

/** Tries until it is so; upsd and its drivers need a moment. */
async function until<T>(what: () => Promise<T>, good: (value: T) => boolean): Promise<T> {
  let last: unknown
  for (let i = 0; i < 300; i++) {
    try {
      const value = await what()
      if (good(value)) return value
      last = value
    } catch (error) {
      last = error
    }
    await new Promise(resolve => clock.after(100, () => resolve(undefined)))
  }
  throw new Error(`never came: ${String(last)}`)
}

t.test('words: quoted and back', async t => {
  t.strictSame(splitWords('VAR a ups.mfr "Say \\"hi\\" \\\\ there"'), [
    'VAR',
    'a',
    'ups.mfr',
    'Say "hi" \\ there',
  ])
  t.strictSame(splitWords('VAR a ups.id ""'), ['VAR', 'a', 'ups.id', ''])
  t.throws(() => splitWords('VAR a b "no end'), { code: 'meter-failed' })
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[\x20-\x7e]{1,12}$/), { minLength: 1, maxLength: 5 }), words => {
      t.strictSame(splitWords(words.map(quoteWord).join(' ')), words)
    }),
  )
})

t.test('addresses', async t => {
  t.strictSame(nutAddress('ups.example'), { host: 'ups.example', port: 3493 })
  t.strictSame(nutAddress('10.0.0.1:99'), { host: '10.0.0.1', port: 99 })
  t.strictSame(nutAddress('[fd00::1]:99'), { host: 'fd00::1', port: 99 })
  t.throws(() => nutAddress('a:b:c'), { code: 'bad-config' })
})

t.test('against a real upsd', { skip: upsdMissing ?? false, timeout: 120_000 }, async t => {
  const upsd = await startUpsd(
    {
      real: { 'ups.status': 'OL', 'ups.realpower': '512.5', 'ups.mfr': 'Say "hi"' },
      guess: { 'ups.status': 'OL', 'ups.load': '40', 'ups.realpower.nominal': '2000' },
      mute: { 'ups.status': 'OL' },
      // As snmp-ups tells of a rack PDU.
      pdu: {
        'ups.status': 'OL',
        'device.mfr': 'APC',
        'device.model': 'AP8853',
        'device.serial': '5A1047E02177',
        'outlet.realpower': '640',
        'outlet.3.power': '120',
      },
      words: { 'ups.status': 'OL', 'ups.realpower': 'plenty', 'outlet.1.realpower': '0.25' },
    },
    '[heliotrope]\n password = "s p\\"w"\n',
  )
  t.teardown(() => upsd.stop())
  const client = clientOf(upsd.port)
  t.teardown(() => client.close())
  const meter = (ups: string, variable?: string, unit: 'W' | 'kW' = 'W') =>
    nutMeter({ client, clock }, { name: ups, role: 'host-power', ups, variable, unit })

  await until(
    () => client.listVars('words'),
    vars => vars.has('ups.realpower'),
  )
  await until(
    () => client.listVars('real'),
    vars => vars.has('ups.realpower'),
  )
  await until(
    () => client.listVars('guess'),
    vars => vars.has('ups.load'),
  )
  await until(
    () => client.listVars('mute'),
    vars => vars.has('ups.status'),
  )
  await until(
    () => client.listVars('pdu'),
    vars => vars.has('outlet.3.power'),
  )
  t.strictSame([...(await client.listUps()).keys()].sort(), ['guess', 'mute', 'pdu', 'real', 'words'])
  t.equal((await client.listUps()).get('real'), 'made up')
  t.match(await meter('real').read(signal), { valueW: 512.5 })
  t.match(await meter('guess').read(signal), { valueW: 800, estimated: true })
  t.match(await meter('words', 'outlet.1.realpower', 'kW').read(signal), { valueW: 250 })
  t.match(await meter('pdu').read(signal), { valueW: 640, device: /\/5A1047E02177#power$/ }, 'all outlets')
  t.match(
    await meter('pdu', 'outlet.3.power').read(signal),
    { valueW: 120, estimated: true, device: /\/5A1047E02177#outlet\.3\.power$/ },
    'volt-amperes of one outlet are an estimate',
  )
  t.equal(
    ((await meter('real').read(signal)) as { device?: string }).device,
    undefined,
    'no serial, no identity',
  )
  await t.rejects(meter('mute').read(signal), {
    code: 'meter-failed',
    message: /neither ups.realpower/,
    remedy: /upsc mute/,
  })
  await t.rejects(meter('words').read(signal), { code: 'meter-failed', message: /"plenty", not a number/ })
  await t.rejects(meter('other').read(signal), {
    code: 'meter-failed',
    message: /UNKNOWN-UPS/,
    remedy: /upsc -l/,
  })

  upsd.set('real', { 'ups.status': 'OL', 'ups.realpower': '77' })
  t.match(
    await until(
      () => meter('real').read(signal),
      reading => reading.valueW === 77,
    ),
    { valueW: 77 },
  )

  const user = clientOf(upsd.port, { username: 'heliotrope', password: async () => 's p"w\n' })
  t.equal(await user.getVar('real', 'ups.realpower'), '77', 'with a name and a password that needs quotes')
  user.close()

  const dead = await upsd.stopDriver('guess').then(() =>
    until(
      () =>
        meter('guess')
          .read(signal)
          .then(
            () => 'lives',
            (error: Error) => error.message,
          ),
      text => text !== 'lives',
    ),
  )
  t.match(dead, /DATA-STALE|DRIVER-NOT-CONNECTED/, 'a dead driver is no reading')
})

/** A server that says what it is told to each line. */
async function fake(
  t: Pick<typeof tap, 'teardown'>,
  answer: (line: string, socket: Socket) => void,
): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.setEncoding('utf8')
    let rest = ''
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) answer(line, socket)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise(resolve => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}
t.test('faults end in an error that says so, and the next question starts anew', async t => {
  let mode = 'hang'
  let connections = 0
  const port = await fake(t, (line, socket) => {
    connections++
    if (mode === 'hang') return
    if (mode === 'garbage') return void socket.write('HTTP/1.1 400 Bad Request\n')
    if (mode === 'half') return void socket.end('VAR a ups.realpower "12')
    if (mode === 'other') return void socket.write('VAR b ups.realpower "12"\n')
    if (mode === 'quote') return void socket.write('VAR a ups.realpower "12\n')
    if (mode === 'long') return void socket.write('x'.repeat(10_000))
    if (mode === 'twice') return void socket.write('VAR a ups.realpower "1"\nVAR a ups.realpower "2"\n')
    if (mode === 'bytes') {
      const text = `VAR a ups.realpower "${line.length}"\n`
      for (const char of text) socket.write(char)
      return
    }
    if (mode === 'endless') {
      const vars = Array.from({ length: 5_000 }, (_, i) => `VAR a v${i} "1"\n`)
      socket.write(`BEGIN ${line}\n${vars.join('')}`)
    }
  })
  const client = clientOf(port, { timeoutMs: 1_000 })
  t.teardown(() => client.close())
  const ask = (): Promise<string> => client.getVar('a', 'ups.realpower')
  await t.rejects(ask(), {
    code: 'meter-failed',
    message: /did not answer GET VAR a ups\.realpower within 1000 ms/,
  })
  mode = 'garbage'
  await t.rejects(ask(), { code: 'meter-failed', message: /HTTP/, remedy: /is it upsd/ })
  mode = 'half'
  await t.rejects(ask(), { code: 'meter-failed', message: /closed the connection/ })
  mode = 'other'
  await t.rejects(ask(), { code: 'meter-failed' }, 'the answer to another question is none')
  mode = 'quote'
  await t.rejects(ask(), { code: 'meter-failed', message: /without end/ })
  mode = 'long'
  await t.rejects(ask(), { code: 'meter-failed' })
  mode = 'endless'
  await t.rejects(client.listVars('a'), { code: 'meter-failed', message: /a list without end/ })
  mode = 'bytes'
  t.equal(await ask(), '23', 'an answer in single bytes')
  mode = 'twice'
  t.equal(await ask(), '1')
  mode = 'bytes'
  t.equal(await ask(), '23', 'what was said too much is no answer to the next question')
  t.ok(connections > 8)
  t.strictSame(await Promise.all([ask(), ask(), ask()]), ['23', '23', '23'], 'questions wait for each other')
})

t.test('nobody listens; a wrong password stays secret', async t => {
  const port = await fake(t, (line, socket) =>
    socket.write(line.startsWith('PASSWORD') ? 'ERR INVALID-PASSWORD\n' : 'OK\n'),
  )
  const user = clientOf(port, { username: 'u', password: async () => 'hunter2\nLIST UPS' })
  t.teardown(() => user.close())
  const error = await user.getVar('a', 'b').then(
    () => undefined,
    (reason: Error) => reason,
  )
  t.match(error, { message: /INVALID-PASSWORD to PASSWORD/, remedy: /password_file/ })
  t.notMatch(JSON.stringify([error?.message, error?.stack]), /hunter2/)
  const closed = clientOf(1, {})
  await t.rejects(closed.listUps(), {
    code: 'meter-failed',
    message: /cannot be reached/,
    remedy: /is upsd running/,
  })
})
