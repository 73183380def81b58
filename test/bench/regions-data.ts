// The series of regions-2020-2021 as the forecaster takes them: hours that begin at their time, weather as it was issued.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { HourObservation, IssuedWeather } from '@heliotrope/planner'

const HOUR = 3_600_000
/** A run of 00 UTC is out about so long after. */
const OUT_AFTER_MS = 5 * HOUR

export interface Region {
  id: string
  latitude: number
  longitude: number
  /** The time of a row is when its hour ends (EIA). */
  endLabelled: boolean
  solar: boolean
  wind: boolean
}

/** Middles of the regions, roughly. Solar of NL and BPAT is not to be used: most of it is missing there. */
export const REGIONS: readonly Region[] = [
  { id: 'AUS_QLD', latitude: -24, longitude: 149, endLabelled: false, solar: true, wind: true },
  { id: 'BPAT', latitude: 45.6, longitude: -120.5, endLabelled: true, solar: false, wind: true },
  { id: 'CISO', latitude: 36.8, longitude: -119.8, endLabelled: true, solar: true, wind: true },
  { id: 'DE', latitude: 51.2, longitude: 10.4, endLabelled: false, solar: true, wind: true },
  { id: 'ERCO', latitude: 31.5, longitude: -99.5, endLabelled: true, solar: true, wind: true },
  { id: 'ES', latitude: 40, longitude: -4, endLabelled: false, solar: true, wind: true },
  { id: 'ISNE', latitude: 43, longitude: -71.8, endLabelled: true, solar: true, wind: true },
  { id: 'NL', latitude: 52.2, longitude: 5.3, endLabelled: false, solar: false, wind: true },
  { id: 'PJM', latitude: 40, longitude: -78.5, endLabelled: true, solar: true, wind: true },
  { id: 'PL', latitude: 52, longitude: 19.3, endLabelled: false, solar: true, wind: true },
  { id: 'SE', latitude: 59.3, longitude: 15, endLabelled: false, solar: false, wind: true },
]

export interface RegionSeries {
  region: Region
  hours: HourObservation[]
  issued: IssuedWeather[]
}

/** @returns undefined if the folder does not hold that region */
export function loadRegion(folder: string, region: Region): RegionSeries | undefined {
  const file = (name: string): string => join(folder, `${region.id}_${name}.csv.gz`)
  if (!existsSync(file('generation_hourly'))) return undefined
  return { region, hours: loadHours(file('generation_hourly'), region), issued: loadIssued(file) }
}

function table(file: string): { header: string[]; rows: string[][] } {
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')
  const [header = '', ...rest] = lines
  return { header: header.split(','), rows: rest.map(line => line.split(',')) }
}

function loadHours(file: string, region: Region): HourObservation[] {
  const { header, rows } = table(file)
  const column = (name: string): number => header.indexOf(name)
  const [time, solar, wind, grid] = [
    column('time_utc'),
    column('solar'),
    column('wind'),
    column('ci_lifecycle_g_kwh'),
  ]
  const number = (text: string | undefined): number | undefined =>
    text === undefined || text === '' ? undefined : Number(text)
  return rows.map(row => {
    const solarW = region.solar && solar >= 0 ? number(row[solar]) : undefined
    const windW = region.wind && wind >= 0 ? number(row[wind]) : undefined
    const gridGPerKWh = number(row[grid])
    return {
      at: Date.parse(row[time]!) - (region.endLabelled ? HOUR : 0),
      ...(solarW === undefined ? {} : { solarW }),
      ...(windW === undefined ? {} : { windW }),
      ...(gridGPerKWh === undefined ? {} : { gridGPerKWh }),
    }
  })
}

/**
 * GFS as issued. Radiation comes as means, by turns over 3 and over 6 h (`0-3`, `0-6`, `6-9`, `6-12`, ...): the later three
 * hours of a pair are twice the six less the three. Wind and temperature are of the moment: a span has the mean of its ends.
 * An issue date that occurs twice is a copy: the first stands.
 */
function loadIssued(file: (name: string) => string): IssuedWeather[] {
  const radiation = runs(file('gfs_dswrf_w_m2'))
  const wind = runs(file('gfs_wind_10m_m_s'))
  const temperature = runs(file('gfs_temp_2m_k'))
  const rows: IssuedWeather[] = []
  for (const [issuedAt, means] of radiation)
    for (let step = 0; step < 32; step++) {
      const [three, six] = [means[step - (step % 2)]!, means[step - (step % 2) + 1]!]
      const ghiWm2 = Math.max(0, step % 2 === 0 ? three : 2 * six - three)
      const between = (values: number[] | undefined): number =>
        values ? (values[step]! + values[step + 1]!) / 2 : NaN
      const [windMs, kelvin] = [between(wind.get(issuedAt)), between(temperature.get(issuedAt))]
      rows.push({
        issuedAt,
        knownAt: issuedAt + OUT_AFTER_MS,
        validAt: issuedAt + step * 3 * HOUR,
        spanMs: 3 * HOUR,
        ...(Number.isFinite(ghiWm2) ? { ghiWm2 } : {}),
        ...(Number.isFinite(windMs) ? { windMs } : {}),
        ...(Number.isFinite(kelvin) ? { tempC: kelvin - 273.15 } : {}),
      })
    }
  return rows
}

function runs(file: string): Map<number, number[]> {
  const found = new Map<number, number[]>()
  for (const [issued, ...values] of table(file).rows) {
    const at = Date.parse(issued!)
    if (!found.has(at))
      found.set(
        at,
        values.map(value => (value === '' ? NaN : Number(value))),
      )
  }
  return found
}
