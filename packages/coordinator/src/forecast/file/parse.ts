/** Forecasts and intensities out of CSV files that somebody else keeps up to date. */
import { HeliotropeError, HOUR, MINUTE } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { IssuedWeather } from '@heliotrope/planner'
import { FlagList } from '../source.js'
import type { MeasuredGrid, Parsed } from '../source.js'
import { parseTime } from '../times.js'

const LINES = 50_000
const FIELDS = {
  ghi_w_m2: { out: 'ghiWm2', from: -5, to: 1_600 },
  temp_c: { out: 'tempC', from: -90, to: 60 },
  wind_10m_m_s: { out: 'windMs', from: 0, to: 120 },
  grid_g_per_kwh: { out: 'gridGPerKWh', from: 0, to: 2_000 },
} as const
type Field = keyof typeof FIELDS

/**
 * Two kinds, told apart by the header. With `issued_utc,valid_utc[,minutes]`: lines of issued forecasts. With `time_utc`:
 * hours of grid intensity; those past are measured, those to come a forecast as of now. Columns: `ghi_w_m2`, `temp_c`,
 * `wind_10m_m_s`, `grid_g_per_kwh`. Times need their zone (Z or an offset); empty means unknown.
 * @throws bad-input naming the line
 */
export function parseForecastFile(body: string, receivedAt: Ms): Parsed {
  const lines = body.split(/\r?\n/).filter(line => line.trim() !== '')
  const header = (lines[0] ?? '').split(',').map(name => name.trim())
  const column = (name: string): number => header.indexOf(name)
  const fields = (Object.keys(FIELDS) as Field[]).filter(name => column(name) >= 0)
  const issuedFile = column('issued_utc') >= 0 && column('valid_utc') >= 0
  if (fields.length === 0 || (!issuedFile && column('time_utc') < 0))
    throw new HeliotropeError('bad-input', 'line 1: the header names no columns that are known', {
      remedy: `issued_utc,valid_utc,minutes or time_utc, and some of ${Object.keys(FIELDS).join(', ')}`,
    })
  if (lines.length > LINES) throw new HeliotropeError('bad-input', `the file has more than ${LINES} lines`)
  const flags = new FlagList()
  const issued: IssuedWeather[] = []
  const measured: MeasuredGrid[] = []
  const seen = new Set<string>()
  let last = -Infinity
  lines.slice(1).forEach((line, index) => {
    const cells = line.split(',').map(cell => cell.trim())
    const cell = (name: string): string => cells[column(name)] ?? ''
    const place = `line ${index + 2}`
    const validAt = parseTime(cell(issuedFile ? 'valid_utc' : 'time_utc'))
    const issuedAt = issuedFile ? parseTime(cell('issued_utc')) : receivedAt
    if (Number.isNaN(validAt) || Number.isNaN(issuedAt))
      return flags.add('garbage', `a time without its zone, or no time, first on ${place}; left out`)
    const key = `${issuedFile ? issuedAt : ''} ${validAt}`
    if (seen.has(key))
      return flags.add('duplicate', `a line comes twice, first on ${place}; the first stands`)
    seen.add(key)
    if (!issuedFile && validAt < last) flags.add('backwards', `time goes back, first on ${place}`)
    last = validAt
    const spanMs = column('minutes') >= 0 ? Number(cell('minutes')) * MINUTE : HOUR
    if (!(spanMs > 0 && spanMs <= 24 * HOUR))
      return flags.add('garbage', `minutes are no length of time, first on ${place}; left out`)
    const values: Partial<Record<(typeof FIELDS)[Field]['out'], number>> = {}
    for (const name of fields) {
      if (cell(name) === '') continue
      const { out, from, to } = FIELDS[name]
      const value = Number(cell(name))
      if (value >= from && value <= to) values[out] = value
      else
        flags.add('out-of-range', `${name} is no number within ${from} .. ${to}, first on ${place}; left out`)
    }
    if (Object.keys(values).length === 0) return flags.add('missing', `no value, first on ${place}`)
    const { gridGPerKWh } = values
    if (!issuedFile && validAt + spanMs <= receivedAt) {
      if (gridGPerKWh !== undefined) measured.push({ at: validAt, spanMs, gridGPerKWh })
    } else issued.push({ issuedAt, knownAt: Math.max(issuedAt, receivedAt), validAt, spanMs, ...values })
  })
  if (issued.length + measured.length === 0)
    throw new HeliotropeError('bad-input', 'the file holds no line that can be used', {
      details: { flags: flags.all() },
    })
  return { issued, measured, flags: flags.all() }
}
