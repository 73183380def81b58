/** A host's own power as its management controller measures it: by DCMI, or by a sensor that the config names. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, IpmiTarget, MeterRole, Ms } from '@heliotrope/shared'
import { lastLines } from '../../../exec.js'
import type { Exec, Meter } from '../../../ports.js'
import { dcmiPower, sensorReading } from './commands.js'
import { parseDcmiPower, parseSensor } from './parse.js'

export interface IpmiMeterOptions {
  name: string
  role: MeterRole
  /** Undefined: DCMI. */
  sensor?: string | undefined
  target?: IpmiTarget | undefined
  timeoutMs: Ms
}

export function ipmiMeter(ports: { exec: Exec; clock: Clock }, options: IpmiMeterOptions): Meter {
  const { name, role, sensor, target, timeoutMs } = options
  const argv = sensor === undefined ? dcmiPower(target) : sensorReading(sensor, target)
  return {
    name,
    role,
    async read() {
      const { code, stdout, stderr } = await ports.exec(argv, { timeoutMs })
      if (code !== 0)
        throw new HeliotropeError(
          'meter-failed',
          `ipmitool ended with ${code}: ${lastLines(stderr || stdout)}`,
          {
            remedy: target
              ? 'are address, username and password file right, and is IPMI over LAN on?'
              : 'modprobe ipmi_si ipmi_devintf; does the controller know DCMI (ipmitool dcmi discover)? else name a `sensor`',
          },
        )
      const valueW = sensor === undefined ? parseDcmiPower(stdout) : parseSensor(stdout, sensor)
      return { valueW, at: ports.clock.wall() }
    },
    stop: async () => {},
  }
}
