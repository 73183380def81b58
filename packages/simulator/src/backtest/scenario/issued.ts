/** Weather forecasts as they were issued. */
import type { IssuedWeather } from '@heliotrope/planner'
import { HOUR, MINUTE } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { Flags } from './flags.js'
import { parseNumber, parseUtc } from './hourly.js'
import { badCell, columnsOf } from './table.js'
import type { Table } from './table.js'

/** A run of a weather model is out so long after the time that it is named after; before, no row of it may be used. */
export const OUT_AFTER: Ms = 5 * HOUR

const COLUMNS = ['issued_utc', 'valid_utc', 'minutes', 'ghi_w_m2', 'temp_c', 'wind_10m_m_s']

/**
 * Rows in the order in which they became known. An empty value is left out of its row.
 * @throws HeliotropeError bad-input naming file and line
 */
export function readIssued(table: Table, flags: Flags): IssuedWeather[] {
  const [issued, valid, minutes, ghi, temp, wind] = columnsOf(table, COLUMNS) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const lines = new Map<string, { line: number; cells: string }>()
  const rows: IssuedWeather[] = []
  for (const { line, cells } of table.rows) {
    const issuedAt = parseUtc(table.file, line, cells[issued] as string)
    const validAt = parseUtc(table.file, line, cells[valid] as string)
    const number = (index: number): number => parseNumber(table, line, index, cells[index] as string)
    const spanMs = number(minutes) * MINUTE
    if (!(spanMs > 0)) throw badCell(table.file, line, `minutes is '${cells[minutes]}'`)
    const key = `${issuedAt}/${validAt}/${spanMs}`
    const first = lines.get(key)
    if (first) {
      if (first.cells !== cells.join())
        throw badCell(table.file, line, `the same run and time as line ${first.line} with other values`)
      flags.add('duplicate', `${table.file}:${line}: repeats line ${first.line}, left out`)
      continue
    }
    lines.set(key, { line, cells: cells.join() })
    const [ghiWm2, tempC, windMs] = [number(ghi), number(temp), number(wind)]
    if (ghiWm2 < 0 || windMs < 0) flags.add('range', `${table.file}:${line}: a negative value, taken as 0`)
    rows.push({
      issuedAt,
      knownAt: issuedAt + OUT_AFTER,
      validAt,
      spanMs,
      ...(!Number.isNaN(ghiWm2) && { ghiWm2: Math.max(0, ghiWm2) }),
      ...(!Number.isNaN(tempC) && { tempC }),
      ...(!Number.isNaN(windMs) && { windMs: Math.max(0, windMs) }),
    })
  }
  return rows.sort((a, b) => a.knownAt - b.knownAt || a.validAt - b.validAt)
}
