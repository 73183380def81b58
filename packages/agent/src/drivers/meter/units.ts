/** From what a source says, in its unit, to watts. Units of energy are counters: their watts are the rate. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Ms, W } from '@heliotrope/shared'
import { EnergyCounter } from './energy-counter.js'

export const powerUnits = ['W', 'kW', 'mW', 'uW'] as const
export type PowerUnit = (typeof powerUnits)[number]
export const energyUnits = ['J', 'uJ', 'Wh', 'kWh'] as const
export type EnergyUnit = (typeof energyUnits)[number]
export const meterUnits = [...powerUnits, ...energyUnits] as const
export type MeterUnit = (typeof meterUnits)[number]

const IN_WATTS: Record<PowerUnit, W> = { W: 1, kW: 1000, mW: 1e-3, uW: 1e-6 }
const IN_JOULES: Record<EnergyUnit, number> = { J: 1, uJ: 1e-6, Wh: 3600, kWh: 3.6e6 }

/** One number and, if the text names it, its unit, which then wins over the config's. */
const NUMBER = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(W|kW|mW)?$/

/** What was read, and when it was true, to watts; a counter remembers what it said before. */
export type Scale = (text: string, at: Ms) => { valueW: W; estimated?: boolean }

/** One for each meter. @throws meter-failed: no number; a counter that went back or was read only once */
export function scaleOf(unit: MeterUnit, pointer?: string): Scale {
  if (!isEnergy(unit)) return text => ({ valueW: wattsIn(text, unit, pointer) })
  const counter = new EnergyCounter(COUNTER_WINDOW_MS[unit])
  return (text, at) => {
    const valueW = counter.watts(plainNumber(text, pointer) * IN_JOULES[unit], at)
    // A coarse counter is right on average and wrong at each instant.
    return COARSE.has(unit) ? { valueW, estimated: true } : { valueW }
  }
}

export const isEnergy = (unit: MeterUnit): unit is EnergyUnit =>
  (energyUnits as readonly string[]).includes(unit)

/** The coarser the counter, the longer it takes until its steps say something. */
const COUNTER_WINDOW_MS: Record<EnergyUnit, Ms> = { J: 10_000, uJ: 10_000, Wh: 60_000, kWh: 300_000 }
const COARSE: ReadonlySet<MeterUnit> = new Set(['Wh', 'kWh'])

/**
 * @param text what was read, for example `512.5` or `0.5 kW`
 * @param pointer RFC 6901 pointer into the text as JSON, for example `/power/total`
 * @throws meter-failed with what stands there instead of a number
 */
export function wattsIn(text: string, unit: PowerUnit, pointer?: string): W {
  const [number, ownUnit] = numberIn(text, pointer)
  return number * IN_WATTS[ownUnit ?? unit]
}

/** @throws meter-failed for no number, and for one with a unit of power, which a counter does not have */
export function plainNumber(text: string, pointer?: string): number {
  const [number, ownUnit] = numberIn(text, pointer)
  if (ownUnit !== undefined)
    throw new HeliotropeError('meter-failed', `it says ${ownUnit}, and its config says a counter of energy`)
  return number
}

function numberIn(text: string, pointer?: string): [number, PowerUnit | undefined] {
  const found = pointer === undefined ? text : String(atPointer(text, pointer))
  const [, number, ownUnit] = NUMBER.exec(found.trim()) ?? []
  if (number === undefined)
    throw new HeliotropeError(
      'meter-failed',
      `${JSON.stringify(found.trim().slice(0, 60))} is not a number`,
      {
        remedy: 'one number is expected, in the unit of the config; for JSON give `pointer`',
      },
    )
  return [Number(number), ownUnit as PowerUnit | undefined]
}

/** @throws meter-failed: no JSON, nothing there, or neither number nor string */
export function atPointer(text: string, pointer: string): number | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new HeliotropeError('meter-failed', 'what was read is not JSON', { cause })
  }
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
      throw new HeliotropeError('meter-failed', `the JSON has nothing at ${pointer}`)
    value = (value as Record<string, unknown>)[name]
  }
  if (typeof value !== 'number' && typeof value !== 'string')
    throw new HeliotropeError('meter-failed', `the JSON has no number at ${pointer}`)
  return value
}
