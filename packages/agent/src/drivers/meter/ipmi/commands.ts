/** argv of what is read: DCMI's power measurement of the whole host, or one sensor. */
import { ipmitool } from '../../ipmitool.js'
import type { Argv, IpmiTarget } from '../../ipmitool.js'

export const dcmiPower = (target?: IpmiTarget): Argv => ipmitool(target, 'dcmi', 'power', 'reading')
export const sensorReading = (sensor: string, target?: IpmiTarget): Argv =>
  ipmitool(target, 'sdr', 'get', sensor)
