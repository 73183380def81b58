/** argv of ipmitool for the power of a whole host. */
import { ipmitool } from '@heliotrope/shared'
import type { Argv, IpmiTarget } from '@heliotrope/shared'

export const powerStatus = (target: IpmiTarget): Argv => ipmitool(target, 'chassis', 'power', 'status')
export const powerOn = (target: IpmiTarget): Argv => ipmitool(target, 'chassis', 'power', 'on')
