/** `ipmitool chassis power status` (1.8.19): `Chassis Power is on` */
import type { PowerState } from '@heliotrope/shared'

export function parsePowerStatus(text: string): PowerState {
  const said = /^Chassis Power is (on|off)\s*$/m.exec(text)?.[1]
  return said === 'on' || said === 'off' ? said : 'unknown'
}
