/** Randomness is a parameter: the machine's for real runs, seeded for simulations and tests. */
import { randomBytes } from 'node:crypto'
import type { BootId, CommandId, MoveId } from './ids.js'

export interface Rng {
  bytes(count: number): Uint8Array
  /** Uniform in [0, 1). */
  fraction(): number
}

export function systemRng(): Rng {
  return {
    bytes: count => randomBytes(count),
    fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  }
}

/** mulberry32: small, fast, good enough for simulations; never for keys. */
export function seededRng(seed: number): Rng {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  return {
    bytes: count => Uint8Array.from({ length: count }, () => next() & 0xff),
    fraction: () => next() / 2 ** 32,
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export const newMoveId = (rng: Rng): MoveId => hex(rng.bytes(13)) as MoveId
export const newBootId = (rng: Rng): BootId => hex(rng.bytes(13)) as BootId
export const newCommandId = (rng: Rng): CommandId => hex(rng.bytes(12)) as CommandId
/** Whole number in [0, bound). */
export const below = (rng: Rng, bound: number): number => Math.floor(rng.fraction() * bound)
