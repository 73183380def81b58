/** Who is asked about the power of each host: the drivers that the config names. */
import type { Exec, HostId } from '@heliotrope/shared'
import type { FenceConfig } from '../config/fence-schema.js'
import { ipmiControl } from './ipmi/driver.js'
import type { PowerControl } from './port.js'
import { programControl } from './program/driver.js'

/** Those of the config, by host. */
export const openPowerControls = (
  exec: Exec,
  hosts: readonly { id: HostId; fence?: FenceConfig }[],
): Map<HostId, PowerControl> =>
  new Map(hosts.flatMap(({ id, fence }) => (fence ? [[id, open(exec, fence)] as const] : [])))

const open = (exec: Exec, config: FenceConfig): PowerControl =>
  config.kind === 'ipmi' ? ipmiControl(exec, config) : programControl(exec, config)
