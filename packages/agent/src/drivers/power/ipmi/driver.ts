/** Power of a host by its management controller, with ipmitool over LAN. */
import { parsePowerStatus, runOk } from '@heliotrope/shared'
import type { IpmiTarget, Ms } from '@heliotrope/shared'
import type { Exec, PowerDriver } from '../../../ports.js'
import { powerOn, powerStatus } from './commands.js'

export const ipmiPower = (exec: Exec, target: IpmiTarget, timeoutMs: Ms): PowerDriver => ({
  status: async () => parsePowerStatus(await runOk(exec, powerStatus(target), { timeoutMs })),
  // A host that is on stays so; one that is suspended is woken.
  on: async () => void (await runOk(exec, powerOn(target), { timeoutMs })),
})
