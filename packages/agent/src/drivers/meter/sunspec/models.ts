/**
 * SunSpec's models of information (github.com/sunspec/models, json/): what is told of a device, at which offset from
 * the model's first register, which holds its ID. Big-endian, as Modbus is.
 */
import type { MeterRole } from '@heliotrope/shared'

export type Layout =
  /** Inverter, integers with scale factor; `state` is a uint16 enumeration. */
  | { kind: 'inverter'; w: number; wSf: number; state: number }
  | { kind: 'inverter-float'; w: number; state: number }
  /** Meter at the grid, a load or a source; what its sign means is up to who mounted it. */
  | { kind: 'meter'; w: number; wSf: number }
  | { kind: 'meter-float'; w: number }
  | { kind: 'battery'; state: number; v: number; vSf: number; a: number; aSf: number; w: number; wSf: number }

const inverter: Layout = { kind: 'inverter', w: 14, wSf: 15, state: 38 }
const inverterFloat: Layout = { kind: 'inverter-float', w: 22, state: 48 }
const meter: Layout = { kind: 'meter', w: 18, wSf: 22 }
const meterFloat: Layout = { kind: 'meter-float', w: 28 }

export const layouts: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  ...[101, 102, 103].map(id => [id, inverter] as const),
  ...[111, 112, 113].map(id => [id, inverterFloat] as const),
  ...[201, 202, 203, 204].map(id => [id, meter] as const),
  ...[211, 212, 213, 214].map(id => [id, meterFloat] as const),
  [802, { kind: 'battery', state: 16, v: 34, vSf: 59, a: 44, aSf: 61, w: 47, wSf: 63 }],
])

export const modelIds: readonly number[] = [...layouts.keys()]

/** Registers from the ID on that hold all of it. */
export const lengthOf = (layout: Layout): number =>
  Math.max(...Object.values(layout).filter(value => typeof value === 'number')) + 2

/** What a meter of this role reads when its config names no model: what generates, or what is drawn. */
export const preferred = (role: MeterRole): Layout['kind'][] =>
  role === 'green-power' ? ['inverter', 'inverter-float'] : ['meter', 'meter-float']

/** `St` of inverters: these deliver nothing, and some tell no W then. */
export const RESTING: ReadonlyMap<number, string> = new Map([
  [1, 'off'],
  [2, 'sleeping'],
  [8, 'standby'],
])

/** `ChaSt` of batteries. */
export const DISCHARGING = 3
export const CHARGING = 4

/** Where the chain of models may begin, in the order in which the specification has one look. */
export const BASES = [40_000, 50_000, 0] as const
export const END_OF_CHAIN = 0xffff
export const COMMON_MODEL = 1
/** Offsets and lengths of texts in model 1. */
export const COMMON = { maker: [2, 16], model: [18, 16], serial: [50, 16], length: 66 } as const
