/** argv of ipmitool for the power of a silent host. */
import { ipmitool } from '@heliotrope/shared'
import type { Argv, IpmiTarget } from '@heliotrope/shared'

export const powerStatus = (target: IpmiTarget): Argv => ipmitool(target, 'chassis', 'power', 'status')
/** At once, as by the button held down: `soft` would ask a system that may hang. */
export const powerOff = (target: IpmiTarget): Argv => ipmitool(target, 'chassis', 'power', 'off')
