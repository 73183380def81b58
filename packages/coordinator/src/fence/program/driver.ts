/** Any other power switch: a program of the operator that is told `status` or `off`, and exits with 0 if it could. */
import { lastLines, runOk } from '@heliotrope/shared'
import type { Exec } from '@heliotrope/shared'
import type { FenceConfig } from '../../config/fence-schema.js'
import type { PowerControl } from '../port.js'
import { programOff, programStatus } from './commands.js'
import { parseStatus } from './parse.js'

export function programControl(exec: Exec, config: Extract<FenceConfig, { kind: 'program' }>): PowerControl {
  const { command, callMs: timeoutMs, offMs } = config
  return {
    name: command[0],
    offMs,
    async status() {
      const text = await runOk(exec, programStatus(command), { timeoutMs })
      return { power: parseStatus(text), said: lastLines(text) }
    },
    off: async () => void (await runOk(exec, programOff(command), { timeoutMs })),
  }
}
