import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Aedes } from 'aedes'
import mqtt from 'mqtt'
import type { MqttClient } from 'mqtt'
import { systemClock } from '@heliotrope/shared'
import t from 'tap'
import type { Test } from 'tap'
import { mqttMeter } from '../src/drivers/meter/mqtt.js'
import type { MqttMeterOptions } from '../src/drivers/meter/mqtt.js'
import type { Meter, Reading } from '../src/ports.js'
import { mosquittoMissing, startMosquitto } from './support/mosquitto.js'

const failed = { code: 'meter-failed' }
const signal = new AbortController().signal
const clock = systemClock()
const TOPIC = 'tele/roof/SENSOR'

function meterAt(t: Test, port: number, more: Partial<MqttMeterOptions> = {}): Meter {
  const meter = mqttMeter(
    { connect: async (url, options) => mqtt.connect(url, options), clock },
    {
      name: 'roof',
      role: 'green-power',
      url: `mqtt://127.0.0.1:${port}`,
      topic: TOPIC,
      unit: 'W',
      timeoutMs: 600,
      ...more,
    },
  )
  t.teardown(() => meter.stop())
  return meter
}

async function publisher(t: Test, port: number): Promise<MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, {}, true)
  t.teardown(() => client.endAsync(true))
  return client
}

/** Tries until it is so: a message takes its time through the broker. */
async function until(
  read: () => Promise<Reading>,
  good: (outcome: Reading | Error) => boolean,
): Promise<Reading | Error> {
  let outcome: Reading | Error = new Error('never read')
  for (let i = 0; i < 200; i++) {
    outcome = await read().catch((error: Error) => error)
    if (good(outcome)) return outcome
    await new Promise(resolve => clock.after(25, () => resolve(undefined)))
  }
  throw new Error(`never came: ${JSON.stringify(outcome)}`)
}
const says = (pattern: RegExp) => (outcome: Reading | Error) =>
  outcome instanceof Error && pattern.test(outcome.message)
const watts = (valueW: number) => (outcome: Reading | Error) =>
  !(outcome instanceof Error) && outcome.valueW === valueW

async function aedes(t: Test): Promise<{ port: number; broker: Aedes; stop(): Promise<void> }> {
  const broker = await Aedes.createBroker()
  broker.authenticate = (_client, username, password, done) =>
    done(null, username !== 'roof' || password?.toString() === 'secret')
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    broker.handle(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const stop = async (): Promise<void> => {
    await new Promise<void>(resolve => broker.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise(resolve => server.close(resolve))
  }
  t.teardown(stop)
  return { port: (server.address() as AddressInfo).port, broker, stop }
}

/** What must hold with any broker. */
async function anyBroker(t: Test, port: number): Promise<void> {
  const publish = await publisher(t, port)
  const pointer = '/ENERGY/Power'
  const plain = meterAt(t, port, { topic: 'plain', unit: 'kW' })
  const json = meterAt(t, port, { pointer })
  const timed = meterAt(t, port, { topic: 'timed', pointer: '/p', timePointer: '/t' })
  const read = (meter: Meter) => () => meter.read(signal)

  // An old message that the broker kept.
  await publish.publishAsync(TOPIC, JSON.stringify({ ENERGY: { Power: 111 } }), { retain: true })
  await publish.publishAsync('timed', JSON.stringify({ p: 222, t: '2026-06-21T10:00:00' }), { retain: true })
  await until(read(json), says(/only a retained message.*unknown age/))
  t.match(await until(read(timed), watts(222)), { at: Date.UTC(2026, 5, 21, 10) }, 'as old as it says')
  await t.rejects(plain.read(signal), { ...failed, message: /nothing has come on plain/ })

  await publish.publishAsync(TOPIC, JSON.stringify({ ENERGY: { Power: 512.5 } }))
  await until(read(json), watts(512.5))
  await publish.publishAsync('plain', '0.5')
  await until(read(plain), watts(500))
  await publish.publishAsync('timed', JSON.stringify({ p: 5, t: 1_700_000_000 }))
  t.match(await until(read(timed), watts(5)), { at: 1_700_000_000_000 }, 'seconds')
  await publish.publishAsync('timed', JSON.stringify({ p: 6, t: 1_700_000_000_123 }))
  t.match(await until(read(timed), watts(6)), { at: 1_700_000_000_123 }, 'milliseconds')
  for (const [message, why] of [
    ['{"p":', /not JSON/],
    ['{"p":1,"t":"noon"}', /no time/],
    ['{"p":"NaN","t":1}', /not a number/],
  ] as const) {
    await publish.publishAsync('timed', message)
    await until(read(timed), says(why))
  }
  await publish.publishAsync('timed', JSON.stringify({ p: 7, t: 1 }))
  await until(read(timed), watts(7))
  await publish.publishAsync('plain', 'x'.repeat(70_000))
  await until(read(plain), says(/70000 bytes/))
}

t.test('with aedes', async t => {
  const { port, broker, stop } = await aedes(t)
  await anyBroker(t, port)
  const right = meterAt(t, port, { topic: 'own', username: 'roof', password: async () => 'secret\n' })
  const wrong = meterAt(t, port, {
    topic: 'own',
    username: 'roof',
    password: async () => 'guess',
    timeoutMs: 400,
  })
  const publish = await publisher(t, port)
  await t.rejects(right.read(signal), { message: /nothing has come/ })
  await publish.publishAsync('own', '42')
  await until(() => right.read(signal), watts(42))
  await t.rejects(wrong.read(signal), { ...failed, message: /does not let us in/ })
  broker.authorizeSubscribe = (_client, _subscription, done) => done(null, null)
  await t.rejects(
    meterAt(t, port, { topic: 'closed', timeoutMs: 400 }).read(signal),
    failed,
    'a refused subscription',
  )
  await stop()
  await until(() => right.read(signal), says(/cannot be reached/))
  await t.rejects(meterAt(t, port, { timeoutMs: 300 }).read(signal), {
    ...failed,
    message: /cannot be reached/,
  })
})

t.test('with mosquitto', async t => {
  if (mosquittoMissing) return t.pass(`SKIP ${mosquittoMissing}`)
  const { port, stop } = await startMosquitto()
  t.teardown(stop)
  await anyBroker(t, port)
})
