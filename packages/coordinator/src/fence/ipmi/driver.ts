/** A management controller over LAN, by ipmitool. */
import { lastLines, parsePowerStatus, runOk } from '@heliotrope/shared'
import type { Exec } from '@heliotrope/shared'
import type { FenceConfig } from '../../config/fence-schema.js'
import type { PowerControl } from '../port.js'
import { powerOff, powerStatus } from './commands.js'

export function ipmiControl(exec: Exec, config: Extract<FenceConfig, { kind: 'ipmi' }>): PowerControl {
  const { address, port, username, passwordFile, callMs: timeoutMs, offMs } = config
  const target = { address, port, username, passwordFile, privilege: 'operator' } as const
  return {
    name: `ipmi ${address}`,
    offMs,
    async status() {
      const text = await runOk(exec, powerStatus(target), { timeoutMs })
      return { power: parsePowerStatus(text), said: lastLines(text) }
    },
    off: async () => void (await runOk(exec, powerOff(target), { timeoutMs })),
  }
}
