/**
 * A meter behind Network UPS Tools: a UPS, or a PDU by NUT's snmp-ups driver. `ups.realpower` is watts as measured;
 * where there is none, `ups.load` (percent) of `ups.realpower.nominal` is an estimate.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, MeterRole } from '@heliotrope/shared'
import type { Meter } from '../../ports.js'
import type { NutClient } from './nut-client.js'
import type { Reading } from './quality.js'
import { wattsIn } from './units.js'
import type { PowerUnit } from './units.js'

export interface NutMeterOptions {
  name: string
  role: MeterRole
  ups: string
  /** Read this one instead, in `unit`. */
  variable?: string | undefined
  unit: PowerUnit
}

export const DEFAULT_NUT_PORT = 3493

export function nutMeter(ports: { client: NutClient; clock: Clock }, options: NutMeterOptions): Meter {
  const { client, clock } = ports
  const { name, role, ups, variable, unit } = options

  const number = async (of: string, inUnit: PowerUnit): Promise<number> => {
    const text = await client.getVar(ups, of)
    try {
      return wattsIn(text, inUnit)
    } catch (cause) {
      throw new HeliotropeError(
        'meter-failed',
        `${of} of ${ups} is ${JSON.stringify(text.slice(0, 60))}, not a number`,
        { cause },
      )
    }
  }
  const notTold = (error: unknown): boolean =>
    error instanceof HeliotropeError && error.details?.['nut'] === 'VAR-NOT-SUPPORTED'

  const read = async (): Promise<Omit<Reading, 'at'>> => {
    if (variable !== undefined) return { valueW: await number(variable, unit) }
    try {
      return { valueW: await number('ups.realpower', 'W') }
    } catch (error) {
      if (!notTold(error)) throw error
    }
    try {
      const percent = await number('ups.load', 'W')
      return { valueW: (percent / 100) * (await number('ups.realpower.nominal', 'W')), estimated: true }
    } catch (cause) {
      if (!notTold(cause)) throw cause
      throw new HeliotropeError(
        'meter-failed',
        `${ups} tells neither ups.realpower nor ups.load with ups.realpower.nominal`,
        {
          cause,
          remedy: `set \`variable\` to one that it tells in watts: upsc ${ups}`,
        },
      )
    }
  }
  return {
    name,
    role,
    // upsd answers DATA-STALE for what is old (MAXAGE in upsd.conf), so what it answers is of now.
    read: async () => ({ ...(await read()), at: clock.wall() }),
    stop: async () => client.close(),
  }
}

/** `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT` */
export function nutAddress(text: string): { host: string; port: number } {
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = v6 ?? name
  if (host === undefined) throw new HeliotropeError('bad-config', `${text} is not HOST or HOST:PORT`)
  return { host, port: port === undefined ? DEFAULT_NUT_PORT : Number(port) }
}
