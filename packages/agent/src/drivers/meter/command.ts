/** A meter that is a program: each reading is one run of it, and as old as that run. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, MeterRole, Ms } from '@heliotrope/shared'
import { lastLines } from '../../exec.js'
import type { Exec, Meter } from '../../ports.js'
import { scaleOf } from './units.js'
import type { MeterUnit } from './units.js'

export interface CommandMeterOptions {
  name: string
  role: MeterRole
  argv: readonly [string, ...string[]]
  unit: MeterUnit
  pointer?: string | undefined
  timeoutMs: Ms
}

export function commandMeter(ports: { exec: Exec; clock: Clock }, options: CommandMeterOptions): Meter {
  const { name, role, argv, unit, pointer, timeoutMs } = options
  const scale = scaleOf(unit, pointer)
  return {
    name,
    role,
    async read() {
      const { code, stdout, stderr } = await ports.exec(argv, { timeoutMs, maxOutput: 1024 * 1024 })
      if (code !== 0)
        throw new HeliotropeError('meter-failed', `${argv[0]} ended with ${code}: ${lastLines(stderr)}`)
      const at = ports.clock.wall()
      return { ...scale(stdout, at), at }
    },
    stop: async () => {},
  }
}
