/** Registers to watts. `not implemented` is a value of its own in each type: 0x8000, 0xffff, NaN. */
import { HeliotropeError } from '@heliotrope/shared'
import type { W } from '@heliotrope/shared'
import { CHARGING, COMMON, DISCHARGING, RESTING } from './models.js'
import type { Layout } from './models.js'

/** Registers as they came: two bytes each. */
export type Registers = Buffer

const int16 = (all: Registers, at: number): number | undefined => {
  const value = all.readInt16BE(2 * at)
  return value === -0x8000 ? undefined : value
}
const uint16 = (all: Registers, at: number): number | undefined => {
  const value = all.readUInt16BE(2 * at)
  return value === 0xffff ? undefined : value
}
const float32 = (all: Registers, at: number): number | undefined => {
  const value = all.readFloatBE(2 * at)
  return Number.isFinite(value) ? value : undefined
}

/** A power of ten, -10..10. @throws meter-failed beyond that: then these are other registers */
function scaled(value: number | undefined, all: Registers, factorAt: number): number | undefined {
  const factor = int16(all, factorAt)
  if (value === undefined || factor === undefined) return undefined
  if (Math.abs(factor) > 10)
    throw new HeliotropeError('meter-failed', `scale factor ${factor} cannot be`, {
      remedy: 'does this device hold to SunSpec? read it with its own tool, or set `base`',
    })
  // Dividing keeps 12.3 what it is; multiplying by 0.1 does not.
  return factor < 0 ? value / 10 ** -factor : value * 10 ** factor
}

/**
 * Power as the model has it: what an inverter delivers, what a battery gives (and takes: below zero), a meter's own sign.
 * @throws meter-failed if the device does not tell it
 */
export function powerOf(layout: Layout, all: Registers): { valueW: W; estimated?: boolean } {
  switch (layout.kind) {
    case 'inverter':
      return orResting(scaled(int16(all, layout.w), all, layout.wSf), uint16(all, layout.state))
    case 'inverter-float':
      return orResting(float32(all, layout.w), uint16(all, layout.state))
    case 'meter':
      return told(scaled(int16(all, layout.w), all, layout.wSf))
    case 'meter-float':
      return told(float32(all, layout.w))
    case 'battery': {
      const { w, wSf, v, vSf, a, aSf, state } = layout
      const watts = scaled(int16(all, w), all, wSf)
      const volts = scaled(uint16(all, v), all, vSf)
      const amperes = scaled(int16(all, a), all, aSf)
      const product = volts === undefined || amperes === undefined ? undefined : volts * amperes
      const reading = watts === undefined ? { ...told(product), estimated: true } : { valueW: watts }
      return { ...reading, valueW: signed(reading.valueW, uint16(all, state)) }
    }
  }
}

/** The specification leaves the sign of a battery's power open; its state does not. */
function signed(valueW: W, state: number | undefined): W {
  if (state === DISCHARGING) return Math.abs(valueW)
  return state === CHARGING ? -Math.abs(valueW) : valueW
}

function orResting(valueW: W | undefined, state: number | undefined): { valueW: W; estimated?: boolean } {
  if (valueW !== undefined) return { valueW }
  if (state !== undefined && RESTING.has(state)) return { valueW: 0, estimated: true }
  return told(undefined)
}

function told(valueW: W | undefined): { valueW: W } {
  if (valueW !== undefined) return { valueW }
  throw new HeliotropeError('meter-failed', 'the device says "not implemented" for its power', {
    remedy: 'choose another `model` of it: heliotrope-agent meters --json lists them',
  })
}

/** From model 1; undefined without a serial number, as it may stand on many devices. */
export function deviceOf(all: Registers): string | undefined {
  const text = ([at, length]: readonly [number, number]): string =>
    all
      .subarray(2 * at, 2 * (at + length))
      .toString('latin1')
      .replace(/\0[\s\S]*$/, '')
      .trim()
  const serial = text(COMMON.serial)
  if (!/[1-9A-Za-z]/.test(serial)) return undefined
  return `${text(COMMON.maker)}/${text(COMMON.model)}/${serial}`
}
