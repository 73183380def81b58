/** From what a source says, in its unit, to watts. */
import { HeliotropeError } from '@heliotrope/shared'
import type { W } from '@heliotrope/shared'

export const powerUnits = ['W', 'kW', 'mW'] as const
export type PowerUnit = (typeof powerUnits)[number]

const IN_WATTS: Record<PowerUnit, W> = { W: 1, kW: 1000, mW: 0.001 }

/** One number and, if the text names it, its unit, which then wins over the config's. */
const NUMBER = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(W|kW|mW)?$/

/**
 * @param text what was read, for example `512.5` or `0.5 kW`
 * @param pointer RFC 6901 pointer into the text as JSON, for example `/power/total`
 * @throws meter-failed with what stands there instead of a number
 */
export function wattsIn(text: string, unit: PowerUnit, pointer?: string): W {
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
  return Number(number) * IN_WATTS[(ownUnit as PowerUnit | undefined) ?? unit]
}

function atPointer(text: string, pointer: string): unknown {
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
