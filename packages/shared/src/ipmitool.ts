/** ipmitool, for meters and power: its argv, and what it says of a chassis. Pure. A password is read from its file by ipmitool itself, and never stands on a command line. */
import type { PowerState } from './model.js'

/** How the management controller is reached: undefined is this host's own, by its kernel driver. */
export interface IpmiTarget {
  address: string
  port?: number | undefined
  username: string
  passwordFile: string
  /** ADMINISTRATOR is ipmitool's own default; reading needs less, and so does power control. */
  privilege?: 'user' | 'operator' | 'administrator' | undefined
}

export type Argv = readonly [string, ...string[]]

export function ipmitool(target: IpmiTarget | undefined, ...args: readonly string[]): Argv {
  if (!target) return ['ipmitool', ...args]
  const { address, port, username, passwordFile, privilege } = target
  return [
    'ipmitool',
    ...['-I', 'lanplus', '-H', address],
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...['-U', username, '-f', passwordFile],
    ...(privilege === undefined ? [] : ['-L', privilege.toUpperCase()]),
    // One try a second, twice: the default of ipmitool outlasts any deadline of ours.
    ...['-N', '1', '-R', '2'],
    ...args,
  ]
}

/** Of `ipmitool chassis power status` (1.8.19): `Chassis Power is on`; anything else is no knowledge. */
export function parsePowerStatus(text: string): PowerState {
  const said = /^Chassis Power is (on|off)\s*$/m.exec(text)?.[1]
  return said === 'on' || said === 'off' ? said : 'unknown'
}
