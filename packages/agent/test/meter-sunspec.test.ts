import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { systemClock } from '@heliotrope/shared'
import type { MeterRole } from '@heliotrope/shared'
import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import { sunspecMeter } from '../src/drivers/meter/sunspec/driver.js'
import type { SunspecMeterOptions } from '../src/drivers/meter/sunspec/driver.js'
import { ModbusLink } from '../src/drivers/meter/sunspec/link.js'
import { layouts, lengthOf } from '../src/drivers/meter/sunspec/models.js'
import { powerOf } from '../src/drivers/meter/sunspec/parse.js'
import type { Reading } from '../src/ports.js'
import { chain, common, float, modelRegisters, sunspecDevice } from './support/registers.js'
import type { Model, SunspecDevice } from './support/registers.js'

const signal = new AbortController().signal
const failed = { code: 'meter-failed' }
const clock = systemClock()

const linkTo = (t: Test, port: number, more: { unitId?: number; timeoutMs?: number } = {}): ModbusLink => {
  const link = new ModbusLink({
    dial: connect,
    clock,
    host: '127.0.0.1',
    port,
    unitId: 1,
    timeoutMs: 1_000,
    ...more,
  })
  t.teardown(() => link.close())
  return link
}
const meterOf = (link: ModbusLink, role: MeterRole, more: Partial<SunspecMeterOptions> = {}) =>
  sunspecMeter({ link, clock }, { name: 'm', role, invert: false, ...more })

async function deviceOf(t: Test, models: Model[], base = 40_000): Promise<SunspecDevice> {
  const device = await sunspecDevice(chain(base, models))
  t.teardown(() => device.close())
  return device
}

const inverter = (w: number, wSf: number, state = 4, id = 103): Model => ({
  id,
  length: 50,
  at: { 14: w, 15: wSf, 38: state },
})
const gridMeter = (w: number, wSf = 0, id = 203): Model => ({ id, length: 105, at: { 18: w, 22: wSf } })
const maker = common('SMA', 'STP 10000', '3001234567')

t.test('found at each of the three places, with maker, model and serial', async t => {
  for (const base of [40_000, 50_000, 0]) {
    const device = await deviceOf(t, [maker, { id: 120, length: 26 }, inverter(4_321, 0)], base)
    const meter = meterOf(linkTo(t, device.port), 'green-power')
    t.match(await meter.read(signal), { valueW: 4_321, device: 'SMA/STP 10000/3001234567#103' })
    const asked = device.asked.length
    t.match(await meter.read(signal), { valueW: 4_321 })
    t.equal(device.asked.length, asked + 1, 'one question a reading, once the place is known')
    await meter.stop()
  }
})

t.test('inverters, meters and batteries; scale factors, signs, and what is not implemented', async t => {
  const read = async (
    role: MeterRole,
    models: Model[],
    more: Partial<SunspecMeterOptions> = {},
  ): Promise<Reading> => {
    const device = await deviceOf(t, [maker, ...models])
    const meter = meterOf(linkTo(t, device.port), role, more)
    try {
      return await meter.read(signal)
    } finally {
      await meter.stop()
    }
  }
  for (const id of [101, 102, 103])
    t.match(await read('green-power', [inverter(12_345, -1, 4, id)]), { valueW: 1_234.5 }, `${id}`)
  t.match(await read('green-power', [inverter(123, 2)]), { valueW: 12_300 })
  t.match(await read('green-power', [inverter(-4, 0)]), { valueW: -4 }, 'what it draws at night')
  t.match(
    await read('green-power', [inverter(0x8000, 0, 2)]),
    { valueW: 0, estimated: true },
    'asleep, tells no W',
  )
  await t.rejects(read('green-power', [inverter(0x8000, 0, 4)]), { ...failed, message: /not implemented/ })
  await t.rejects(read('green-power', [inverter(0x8000, 0, 0xffff)]), failed)
  await t.rejects(
    read('green-power', [inverter(5, 0x8000)]),
    failed,
    'without its scale factor it is no number',
  )
  await t.rejects(read('green-power', [inverter(5, 99)]), { ...failed, message: /scale factor 99/ })
  for (const id of [201, 202, 203, 204])
    t.match(await read('load', [gridMeter(-1_500, 0, id)]), { valueW: -1_500 }, `${id}`)
  t.match(await read('load', [gridMeter(-1_500)], { invert: true }), { valueW: 1_500 })
  t.equal(Object.is((await read('load', [gridMeter(0)], { invert: true })).valueW, 0), true, '0, not -0')
  for (const id of [111, 112, 113])
    t.match(await read('green-power', [{ id, length: 60, at: { ...float(22, 777.5), 48: 4 } }]), {
      valueW: 777.5,
    })
  t.match(await read('load', [{ id: 213, length: 124, at: float(28, -12.25) }]), { valueW: -12.25 })
  await t.rejects(read('load', [{ id: 213, length: 124, at: float(28, Number.NaN) }]), failed, 'NaN')
  const battery = (at: Record<number, number>): Model => ({ id: 802, length: 62, at })
  const both = { model: 802 }
  t.match(
    await read('load', [battery({ 16: 3, 47: -500, 63: 0 })], both),
    { valueW: 500 },
    'discharging gives',
  )
  t.match(await read('load', [battery({ 16: 4, 47: 500, 63: 0 })], both), { valueW: -500 }, 'charging takes')
  t.match(
    await read('load', [battery({ 16: 4, 34: 520, 59: -1, 44: 100, 61: -1 })], both),
    { valueW: -520, estimated: true },
    'volts times amperes where it tells no watts',
  )
  await t.rejects(read('load', [battery({ 16: 4, 34: 0xffff, 59: -1, 44: 100, 61: -1 })], both), failed)
})

t.test('which model is meant', async t => {
  const models = [
    maker,
    inverter(1_000, 0),
    common('SMA', 'EM', '7'),
    gridMeter(10),
    common('SMA', 'EM', '8'),
    gridMeter(20),
  ]
  const device = await deviceOf(t, models)
  const link = linkTo(t, device.port)
  t.match(await meterOf(link, 'green-power').read(signal), { valueW: 1_000 })
  await t.rejects(meterOf(link, 'load').read(signal), {
    ...failed,
    message: /2 models that fit/,
    remedy: /instance/,
  })
  t.match(await meterOf(link, 'load', { instance: 2 }).read(signal), { valueW: 20, device: 'SMA/EM/8#203.2' })
  await t.rejects(meterOf(link, 'load', { model: 203, instance: 3 }).read(signal), failed)
  await t.rejects(meterOf(link, 'load', { model: 802 }).read(signal), {
    ...failed,
    message: /it has 1, 103, 1, 203/,
  })
  const nameless = await deviceOf(t, [common('X', 'Y', '0000'), inverter(1, 0)])
  t.equal((await meterOf(linkTo(t, nameless.port), 'green-power').read(signal)).device, undefined)
})

t.test('devices that are something else, hang, break or change', async t => {
  const other = await sunspecDevice(
    new Map([
      [40_000, 1],
      [40_001, 2],
    ]),
  )
  t.teardown(() => other.close())
  await t.rejects(meterOf(linkTo(t, other.port), 'load').read(signal), {
    ...failed,
    message: /no "SunS".*another content/,
  })
  const broken = await sunspecDevice(new Map([...chain(40_000, []), [40_002, 103], [40_003, 60_000]]))
  t.teardown(() => broken.close())
  await t.rejects(meterOf(linkTo(t, broken.port), 'load').read(signal), {
    ...failed,
    message: /breaks at register 40002/,
  })
  const endless = new Map<number, number>()
  for (let i = 0; i < 60_000; i++) endless.set(i, i % 3 === 2 ? 7 : 1)
  endless.set(0, 0x5375).set(1, 0x6e53)
  const loop = await sunspecDevice(endless)
  t.teardown(() => loop.close())
  await t.rejects(meterOf(linkTo(t, loop.port), 'load').read(signal), { ...failed, message: /breaks/ })

  const device = await deviceOf(t, [maker, inverter(500, 0)])
  const link = linkTo(t, device.port, { timeoutMs: 400 })
  const meter = meterOf(link, 'green-power', { base: 40_000 })
  t.match(await meter.read(signal), { valueW: 500 })
  device.mute = true
  await t.rejects(meter.read(signal), { ...failed, message: /did not answer within 400 ms/ })
  device.mute = false
  t.match(await meter.read(signal), { valueW: 500 }, 'and is back after it')
  device.registers = chain(40_000, [maker, { id: 120, length: 26 }, inverter(600, 0)])
  await t.rejects(meter.read(signal), { ...failed, message: /not at 40070 any more/ })
  t.match(await meter.read(signal), { valueW: 600 }, 'looked through anew')
  await t.rejects(
    meterOf(linkTo(t, device.port, { unitId: 9, timeoutMs: 300 }), 'green-power').read(signal),
    failed,
  )

  await device.close()
  await t.rejects(meter.read(signal), { ...failed, message: /cannot be reached|closed the connection/ })
  const slammed = createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
    0,
    '127.0.0.1',
  )
  t.teardown(() => slammed.close())
  await new Promise(resolve => slammed.once('listening', resolve))
  await t.rejects(meterOf(linkTo(t, (slammed.address() as AddressInfo).port), 'load').read(signal), failed)
})

t.test('no registers make a number that is none, or a crash', async t => {
  const bytesOf = (registers: number[]): Buffer => {
    const bytes = Buffer.alloc(2 * registers.length)
    registers.forEach((value, i) => bytes.writeUInt16BE(value, 2 * i))
    return bytes
  }
  fc.assert(
    fc.property(
      fc.constantFrom(...layouts.keys()),
      fc.uint8Array({ minLength: 252, maxLength: 252 }),
      (id, bytes) => {
        try {
          return Number.isFinite(powerOf(layouts.get(id)!, Buffer.from(bytes)).valueW)
        } catch (error) {
          return (error as { code?: string }).code === 'meter-failed'
        }
      },
    ),
  )
  fc.assert(
    fc.property(fc.integer({ min: -32_767, max: 32_767 }), fc.integer({ min: -6, max: 4 }), (w, sf) => {
      const { valueW } = powerOf(layouts.get(101)!, bytesOf(modelRegisters(inverter(w, sf))))
      return Math.abs(valueW - w * 10 ** sf) <= 1e-9 * Math.abs(valueW)
    }),
  )
  t.equal(lengthOf(layouts.get(103)!), 40)
})
