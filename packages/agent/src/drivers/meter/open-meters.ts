/** The meters of the config as drivers with their rules. */
import { SECOND } from '@heliotrope/shared'
import type { Clock } from '@heliotrope/shared'
import type { MeterConfig } from '../../config/schema.js'
import type { HostFiles } from '../../files.js'
import type { Exec, Meter } from '../../ports.js'
import type { MeteredSource } from '../../sense/meters.js'
import { commandMeter } from './command.js'
import { fileMeter } from './file.js'
import { NutClient } from './nut-client.js'
import type { NutClientOptions } from './nut-client.js'
import { nutAddress, nutMeter } from './nut.js'

export interface MeterPorts {
  clock: Clock
  exec: Exec
  files: HostFiles
  dial: NutClientOptions['dial']
}

export function openMeters(ports: MeterPorts, configs: readonly MeterConfig[]): MeteredSource[] {
  return configs.map(config => ({
    meter: open(ports, config),
    everyMs: config.every_ms,
    rules: {
      staleAfterMs: config.stale_after_s * SECOND,
      constantAfterMs: config.constant_after_s * SECOND,
      negative: config.negative,
    },
  }))
}

function open(ports: MeterPorts, config: MeterConfig): Meter {
  const { name, role } = config
  switch (config.kind) {
    case 'file':
      return fileMeter(ports.files, {
        name,
        role,
        path: config.path,
        unit: config.unit,
        pointer: config.pointer,
      })
    case 'command':
      return commandMeter(ports, {
        name,
        role,
        argv: config.argv,
        unit: config.unit,
        pointer: config.pointer,
        timeoutMs: config.timeout_ms,
      })
    case 'nut': {
      const { ups, variable, unit, username, password_file: file, timeout_ms: timeoutMs } = config
      const { clock, dial, files } = ports
      const client = new NutClient({
        dial,
        clock,
        ...nutAddress(config.address),
        timeoutMs,
        username,
        password: file === undefined ? undefined : () => files.read(file),
      })
      return nutMeter({ client, clock }, { name, role, ups, variable, unit })
    }
    default: {
      const never: never = config
      return never
    }
  }
}
