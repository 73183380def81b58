import { VirtualClock } from '@heliotrope/shared'
import t from 'tap'
import { hwmonMeter } from '../src/drivers/meter/hwmon.js'
import { hostFiles } from '../src/files.js'
import type { Meter } from '../src/ports.js'

const signal = new AbortController().signal
const failed = { code: 'meter-failed' }

t.test('chips by name, sensors by number or label', async t => {
  const clock = new VirtualClock(9_000)
  const root = t.testdir({
    sys: {
      class: {
        hwmon: {
          hwmon0: { name: 'coretemp\n', temp1_input: '40000\n' },
          hwmon1: { name: 'power_meter\n', power1_average: '168000000\n', power1_average_interval: '1000\n' },
          hwmon2: {
            name: 'pmbus\n',
            power1_input: '250500000\n',
            power1_label: 'pin\n',
            power1_average: '1\n',
            power2_input: '230000000\n',
            power2_label: 'pout1\n',
            power2_crit: '999\n',
          },
          hwmon3: { name: 'counts\n', energy1_input: '1000000\n' },
          hwmon4: { name: 'twin\n', power1_input: '1\n' },
          hwmon5: { name: 'twin\n', power1_input: '2\n' },
          hwmon6: { name: 'broken\n', power1_input: {} },
        },
      },
    },
  })
  const meter = (chip: string, sensor?: string): Meter =>
    hwmonMeter({ files: hostFiles(root), clock }, { name: 'm', role: 'host-power', chip, sensor })
  t.strictSame(
    await meter('power_meter').read(signal),
    { valueW: 168, at: 9_000 },
    'ACPI tells an average only',
  )
  t.match(await meter('pmbus', 'pin').read(signal), { valueW: 250.5 })
  t.match(await meter('pmbus', 'power2').read(signal), { valueW: 230 })
  await t.rejects(meter('pmbus').read(signal), {
    ...failed,
    message: /several/,
    remedy: /\(pin\), .*\(pout1\)/,
  })
  await t.rejects(meter('pmbus', 'pout9').read(signal), {
    ...failed,
    message: /no sensor pout9/,
    remedy: /pin/,
  })
  await t.rejects(meter('twin').read(signal), { ...failed, message: /several/ })
  await t.rejects(meter('coretemp').read(signal), {
    ...failed,
    message: /no chip coretemp with a power sensor/,
  })
  await t.rejects(meter('none').read(signal), { ...failed, remedy: /coretemp, counts, pmbus/ })
  await t.rejects(meter('broken').read(signal), { ...failed, message: /cannot be read/ })
  const counter = meter('counts')
  await t.rejects(counter.read(signal), { ...failed, message: /second reading/ })
  const { writeFileSync } = await import('node:fs')
  writeFileSync(`${root}/sys/class/hwmon/hwmon3/energy1_input`, '601000000\n')
  await clock.advance(10_000)
  t.match(await counter.read(signal), { valueW: 60 }, 'energy counts')
})
