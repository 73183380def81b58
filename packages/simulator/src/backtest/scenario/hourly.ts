/**
 * Hourly columns of a table, one entry for each hour from a start to an end. What is missing where it is scored is filled
 * with the last value before it and flagged: never with what came after, so that a repair tells a policy nothing of the
 * future.
 */
import { HOUR, iso } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { Flags } from './flags.js'
import { badCell } from './table.js'
import type { Table } from './table.js'

export interface HourlyColumn {
  /** Position in the table. */
  index: number
  /** Values outside are flagged and cut to the bound. */
  min: number
  max: number
  /** `hold`: needed where hours are scored, MAX_GAP in a row may be missing. `leave`: stays NaN. */
  missing: 'hold' | 'leave'
}

/** More hours in a row than this are no gap but missing data. */
export const MAX_GAP = 3

const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z$/
const DST =
  'All times are UTC. Local time has an hour twice in autumn and one missing in spring: convert it first.'

/** @throws HeliotropeError bad-input naming file and line */
export function parseUtc(file: string, line: number, text: string): Ms {
  const at = UTC.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(at)) throw badCell(file, line, `'${text}' is no UTC time like 2021-03-01T00:00Z`, DST)
  return at
}

/** @returns NaN for an empty cell or NaN. @throws HeliotropeError bad-input naming file, line and column */
export function parseNumber(table: Table, line: number, index: number, text: string): number {
  const trimmed = text.trim()
  if (trimmed === '' || /^nan$/i.test(trimmed)) return NaN
  const value = Number(trimmed)
  if (!Number.isFinite(value))
    throw badCell(table.file, line, `${table.header[index]} is '${text}', not a number`)
  return value
}

/**
 * @param from begin of the first hour, @param hours how many, @param needed the first that is scored: what is missing
 * before it stays NaN. The column `time_utc` must be the first.
 * @throws HeliotropeError bad-input naming file and line: a time off the hour or not UTC, an hour twice with different
 * values, more than MAX_GAP scored hours missing in a row
 */
export function hourly(
  table: Table,
  from: Ms,
  hours: number,
  needed: number,
  columns: readonly HourlyColumn[],
  flags: Flags,
): Float64Array[] {
  const { file } = table
  const series = columns.map(() => new Float64Array(hours).fill(NaN))
  const lineOf = new Int32Array(hours)
  const cellsOf = new Map<number, string>()
  let before = -1
  for (const { line, cells } of table.rows) {
    const at = parseUtc(file, line, cells[0] as string)
    if (at % HOUR !== 0) throw badCell(file, line, `${cells[0]} is not on the full hour`)
    const hour = (at - from) / HOUR
    if (hour < 0 || hour >= hours) {
      flags.add('outside', `${file}:${line}: ${cells[0]} is outside the scenario's time, left out`)
      continue
    }
    const first = lineOf[hour] as number
    if (first > 0) {
      if (cellsOf.get(hour) !== cells.join())
        throw badCell(file, line, `${cells[0]} comes again with other values than in line ${first}`, DST)
      flags.add('duplicate', `${file}:${line}: ${cells[0]} repeats line ${first}, left out`)
      continue
    }
    if (hour < before)
      flags.add('order', `${file}:${line}: ${cells[0]} is out of order, put where it belongs`)
    before = hour
    lineOf[hour] = line
    cellsOf.set(hour, cells.join())
    columns.forEach(({ index, min, max }, n) => {
      const value = parseNumber(table, line, index, cells[index] as string)
      const cut = Math.min(max, Math.max(min, value))
      if (cut !== value && !Number.isNaN(value))
        flags.add('range', `${file}:${line}: ${table.header[index]} is ${value}, taken as ${cut}`)
      ;(series[n] as Float64Array)[hour] = cut
    })
  }
  columns.forEach((column, n) => {
    if (column.missing === 'hold') hold(table, from, needed, column, series[n] as Float64Array, lineOf, flags)
  })
  return series
}

function hold(
  { file, header }: Table,
  from: Ms,
  needed: number,
  { index }: HourlyColumn,
  values: Float64Array,
  lineOf: Int32Array,
  flags: Flags,
): void {
  let line = 1
  for (let hour = 0; hour < values.length; hour++) {
    line = lineOf[hour] || line
    if (!Number.isNaN(values[hour])) continue
    let end = hour
    while (end < values.length && Number.isNaN(values[end])) end++
    const what = `${header[index]} is missing at ${iso(from + hour * HOUR)}, ${end - hour} h`
    if (end <= needed) flags.add('gap', `${file}:${line}: ${what}, left out of the history`)
    else if (hour === 0) throw badCell(file, line, `${what}, and nothing was before`)
    else if (end - hour > MAX_GAP)
      throw badCell(file, line, `${what}, more than the ${MAX_GAP} h that can be bridged`, DST)
    else {
      flags.add('gap', `${file}:${line}: ${what}, taken as in the hour before`)
      values.fill(values[hour - 1] as number, hour, end)
    }
    hour = end
  }
}
