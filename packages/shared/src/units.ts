/**
 * Units. The alias says the unit where a type is read, the suffix of the name (`powerW`, `memoryMiB`, `waitMs`)
 * where a value is used; both are kept so that no number travels without its unit.
 */
export type W = number
export type Wh = number
export type MiB = number
/** Milliseconds; points in time are milliseconds since 1970 UTC. */
export type Ms = number
/** Grams of CO2 equivalent per kWh. */
export type GCO2eqPerKWh = number
export type Bytes = number
export type BytesPerSecond = number
/** 0..1 unless said otherwise. */
export type Fraction = number

export const SECOND: Ms = 1000
export const MINUTE: Ms = 60 * SECOND
export const HOUR: Ms = 60 * MINUTE
export const DAY: Ms = 24 * HOUR
export const MEBIBYTE: Bytes = 1024 * 1024

/** UTC, ISO 8601, as every time is shown to people and programs. */
export const iso = (at: Ms): string => new Date(at).toISOString()
