/**
 * A meter behind Network UPS Tools: a UPS, or a PDU by NUT's snmp-ups driver. Variables as nut-names.txt has them:
 * `realpower` is watts; `power` is volt-amperes, so that watts from it are an estimate, as are those of `ups.load`
 * (percent) of `ups.realpower.nominal`. One outlet of a PDU is a `variable`: `outlet.3.realpower`, or where a PDU has
 * none, `outlet.3.power`.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, MeterRole } from '@heliotrope/shared'
import type { Meter, Reading } from '../../ports.js'
import { hostPort } from './host-port.js'
import type { NutClient } from './nut-client.js'
import { isEnergy, plainNumber, scaleOf, wattsIn } from './units.js'
import type { MeterUnit } from './units.js'

export interface NutMeterOptions {
  name: string
  role: MeterRole
  ups: string
  /** Read this one instead, in `unit`. */
  variable?: string | undefined
  unit: MeterUnit
}

export const DEFAULT_NUT_PORT = 3493

/** The whole device, best first: of a UPS what it feeds, of a PDU all outlets, else what it draws. */
const REAL = ['ups.realpower', 'outlet.realpower', 'input.realpower']
const APPARENT = ['ups.power', 'outlet.power', 'input.power']

export function nutMeter(ports: { client: NutClient; clock: Clock }, options: NutMeterOptions): Meter {
  const { client, clock } = ports
  const { name, role, ups, variable, unit } = options
  const scale = scaleOf(unit)
  let device: string | undefined
  let asked = false

  const number = async (of: string, read: (text: string) => number): Promise<number> => {
    const text = await client.getVar(ups, of)
    try {
      return read(text)
    } catch (cause) {
      if (cause instanceof HeliotropeError && cause.details) throw cause
      throw new HeliotropeError(
        'meter-failed',
        `${of} of ${ups} is ${JSON.stringify(text.slice(0, 60))}, not a number`,
        { cause },
      )
    }
  }
  const watts = (text: string): number => wattsIn(text, 'W')
  const notTold = (error: unknown): undefined => {
    if (error instanceof HeliotropeError && error.details?.['nut'] === 'VAR-NOT-SUPPORTED') return undefined
    throw error
  }
  /** Undefined if this device does not tell it. */
  const told = async (of: string, read: (text: string) => number = watts): Promise<number | undefined> => {
    return number(of, read).catch(notTold)
  }

  const read = async (): Promise<Omit<Reading, 'at'>> => {
    if (variable !== undefined) {
      const valueW = await number(variable, text => scale(text, clock.wall()).valueW)
      return variable.endsWith('.power') && !isEnergy(unit) ? { valueW, estimated: true } : { valueW }
    }
    for (const of of REAL) {
      const valueW = await told(of)
      if (valueW !== undefined) return { valueW }
    }
    const percent = await told('ups.load', plainNumber)
    const nominalW = percent === undefined ? undefined : await told('ups.realpower.nominal')
    if (percent !== undefined && nominalW !== undefined)
      return { valueW: (percent / 100) * nominalW, estimated: true }
    for (const of of APPARENT) {
      const valueW = await told(of, plainNumber)
      if (valueW !== undefined) return { valueW, estimated: true }
    }
    throw new HeliotropeError(
      'meter-failed',
      `${ups} tells neither ups.realpower nor ups.load with ups.realpower.nominal, nor another power of the whole`,
      { remedy: `set \`variable\` to one that it tells in watts: upsc ${ups}` },
    )
  }

  /** Maker, model and serial; a device without a serial cannot be told from its like. */
  const identity = async (): Promise<string | undefined> => {
    const word = async (last: string): Promise<string> => {
      for (const of of [`device.${last}`, `ups.${last}`]) {
        // What is not told is no name; a fault is a fault, or a device would have two names.
        const text = await client.getVar(ups, of).catch(notTold)
        if (text?.trim()) return text.trim()
      }
      return ''
    }
    const serial = await word('serial')
    if (!/[1-9A-Za-z]/.test(serial)) return undefined
    return `${await word('mfr')}/${await word('model')}/${serial}#${variable ?? 'power'}`.slice(0, 160)
  }

  return {
    name,
    role,
    async read() {
      // upsd answers DATA-STALE for what is old (MAXAGE in upsd.conf), so what it answers is of now.
      const reading = { ...(await read()), at: clock.wall() }
      if (!asked) device = await identity()
      asked = true
      return device === undefined ? reading : { ...reading, device }
    },
    stop: async () => client.close(),
  }
}

/** `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT` */
export const nutAddress = (text: string): { host: string; port: number } => hostPort(text, DEFAULT_NUT_PORT)
