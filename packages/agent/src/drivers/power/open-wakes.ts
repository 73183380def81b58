/** The hosts that this one can wake, by its config, as drivers. */
import type { Socket } from 'node:dgram'
import type { request } from 'node:https'
import type { Clock, HostId } from '@heliotrope/shared'
import type { WakeConfig } from '../../config/power-schema.js'
import type { HostFiles } from '../../files.js'
import type { Exec, PowerDriver } from '../../ports.js'
import { ipmiPower } from './ipmi/driver.js'
import { redfishClient } from './redfish/client.js'
import { redfishPower } from './redfish/driver.js'
import { wolPower } from './wol/driver.js'

export interface WakePorts {
  clock: Clock
  exec: Exec
  files: HostFiles
  request: typeof request
  udp: () => Socket
}

export const openWakes = (ports: WakePorts, configs: readonly WakeConfig[]): Map<HostId, PowerDriver> =>
  new Map(configs.map(config => [config.host, open(ports, config)]))

function open(ports: WakePorts, config: WakeConfig): PowerDriver {
  const { files } = ports
  switch (config.kind) {
    case 'ipmi': {
      const { address, port, username, password_file: passwordFile, timeout_ms: timeoutMs } = config
      return ipmiPower(
        ports.exec,
        { address, port, username, passwordFile, privilege: 'operator' },
        timeoutMs,
      )
    }
    case 'redfish': {
      const { url, system, username, password_file: password, ca_file: ca, timeout_ms: timeoutMs } = config
      const ask = redfishClient(ports, {
        url,
        username,
        password: () => files.read(password),
        ca: ca === undefined ? undefined : () => files.read(ca),
        timeoutMs,
      })
      return redfishPower(ask, system)
    }
    case 'wol':
      return wolPower(ports, config)
    default: {
      const never: never = config
      return never
    }
  }
}
