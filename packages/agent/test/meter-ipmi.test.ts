import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parsePowerStatus, systemClock, VirtualClock } from '@heliotrope/shared'
import t from 'tap'
import { ipmiMeter } from '../src/drivers/meter/ipmi/driver.js'
import { parseDcmiPower, parseSensor } from '../src/drivers/meter/ipmi/parse.js'
import { ipmiPower } from '../src/drivers/power/ipmi/driver.js'
import { systemExec } from '../src/exec.js'
import type { Exec } from '../src/ports.js'
import { ipmiSimMissing, startIpmiSim } from './support/ipmi-sim.js'

// ipmitool waits for seconds at each step that a controller leaves unanswered.
t.setTimeout(120_000)

const failed = { code: 'meter-failed' }
const signal = new AbortController().signal
const reading = readFileSync(
  fileURLToPath(new URL('../../test/fixtures/power/dcmi-power-reading.txt', import.meta.url)),
  'utf8',
)

t.test('what ipmitool prints', async t => {
  t.equal(parseDcmiPower(reading), 216)
  t.throws(() => parseDcmiPower(reading.replace('activated', 'deactivated')), {
    ...failed,
    message: /is deactivated/,
    remedy: /dcmi power activate/,
  })
  t.throws(() => parseDcmiPower(reading.replace('216 Watts', '216 BTU')), failed)
  t.throws(() => parseDcmiPower(''), { ...failed, remedy: /dcmi discover/ })
  const sensor = (said: string): number =>
    parseSensor(`Sensor ID : x (0x1)\n Sensor Reading        : ${said}\n`, 'x')
  t.equal(sensor('168 (+/- 0) Watts'), 168)
  t.equal(sensor('0.5 Watts'), 0.5)
  t.throws(() => sensor('No Reading'), { ...failed, message: /"No Reading"/ })
  t.throws(() => sensor('40 (+/- 0) degrees C'), { ...failed, message: /degrees C, not Watts/ })
  t.throws(() => parseSensor('', 'x'), failed)
  t.equal(parsePowerStatus('Chassis Power is on\n'), 'on')
  t.equal(parsePowerStatus('Chassis Power is off\n'), 'off')
  t.equal(parsePowerStatus('Chassis Power is confused\n'), 'unknown')
})

t.test("this host's own controller: no address, no password", async t => {
  const ran: (readonly string[])[] = []
  const answers = [{ code: 0, stdout: reading, stderr: '' }]
  const exec: Exec = async argv => {
    ran.push(argv)
    return answers.shift() ?? { code: 1, stdout: '', stderr: 'Could not open device at /dev/ipmi0\n' }
  }
  const meter = ipmiMeter(
    { exec, clock: new VirtualClock(5_000) },
    { name: 'm', role: 'host-power', timeoutMs: 1_000 },
  )
  t.strictSame(await meter.read(signal), { valueW: 216, at: 5_000 })
  t.strictSame(ran, [['ipmitool', 'dcmi', 'power', 'reading']])
  await t.rejects(meter.read(signal), {
    ...failed,
    message: /ended with 1: Could not open/,
    remedy: /modprobe/,
  })
})

t.test('a real ipmitool and a real controller over LAN', async t => {
  if (ipmiSimMissing) return t.pass(`SKIP ${ipmiSimMissing}`)
  const clock = systemClock()
  const plain = systemExec({ spawn, clock, env: { PATH: '/usr/bin:/bin:/usr/sbin' } })
  const seen: (readonly string[])[] = []
  const exec: Exec = (argv, options) => {
    seen.push(argv)
    return plain(argv, options)
  }
  const sim = await startIpmiSim()
  t.teardown(() => sim.stop())
  const target = { ...sim.target, privilege: 'operator' as const }
  const power = ipmiPower(exec, target, 20_000)
  const meter = (sensor?: string) =>
    ipmiMeter({ exec, clock }, { name: 'm', role: 'host-power', sensor, target, timeoutMs: 20_000 })
  const up = async (tries = 10): Promise<unknown> =>
    power.status().catch((error: unknown) => (tries > 1 ? up(tries - 1) : error))
  t.equal(await up(), 'off')
  const [, watts] = await Promise.all([
    power.on(),
    meter('Pwr Consumption').read(signal),
    t.rejects(meter('Inlet Temp').read(signal), { ...failed, message: /not Watts/ }),
    t.rejects(meter('Nowhere').read(signal), { ...failed, message: /holds no watts/ }),
    t.rejects(meter().read(signal), { ...failed, message: /DCMI request failed/ }, 'ipmi_sim knows no DCMI'),
  ])
  t.equal(watts.valueW, 168)
  t.equal(sim.power(), '1')
  t.equal(await power.status(), 'on')
  t.notMatch(JSON.stringify(seen), /secret/, 'no password on a command line')
})
