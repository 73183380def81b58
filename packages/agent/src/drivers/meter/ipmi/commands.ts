/** argv of what is read: DCMI's power measurement of the whole host, or one sensor. */
import { ipmitool } from '@heliotrope/shared'
import type { Argv, IpmiTarget } from '@heliotrope/shared'

export const dcmiPower = (target?: IpmiTarget): Argv => ipmitool(target, 'dcmi', 'power', 'reading')
export const sensorReading = (sensor: string, target?: IpmiTarget): Argv =>
  ipmitool(target, 'sdr', 'get', sensor)
