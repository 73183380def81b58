/** What forecasters must not forget over a restart: measured hours and issued forecasts. Models are learnt anew from them. */
import { DAY, HOUR } from '@heliotrope/shared'
import type { Ms, SiteId, W } from '@heliotrope/shared'
import type { IssuedWeather } from '@heliotrope/planner'
import type { Db } from '../store/database.js'

/** More than a year, so that the same season is still known. */
const HOURS_MS: Ms = 400 * DAY
const ISSUED_MS: Ms = 200 * DAY
/** Of answers older than a week one in so long is kept: later ones say little more. */
const THIN_MS: Ms = 3 * HOUR

export interface StoredHour {
  at: Ms
  greenW?: W
  gridGPerKWh?: number
}

export type IssuedKind = 'weather' | 'grid'

export interface ForecastStore {
  /** What was known of an hour stays; what was not is filled in. */
  keepHour(site: SiteId, hour: StoredHour): void
  hours(site: SiteId, from: Ms, to: Ms): StoredHour[]
  lastHour(site: SiteId): Ms | undefined
  /** Hours that a clock that was ahead had dated into the future. */
  dropHoursFrom(site: SiteId, from: Ms): number
  keepIssued(site: SiteId, kind: IssuedKind, receivedAt: Ms, rows: readonly IssuedWeather[]): void
  issued(site: SiteId, from: Ms): IssuedWeather[]
  lastIssued(site: SiteId, kind: IssuedKind): Ms | undefined
  /** The retention job. Idempotent. */
  thin(now: Ms): void
}

interface HourRow {
  at: number
  green: number | null
  grid: number | null
}

export function openForecastStore(db: Db): ForecastStore {
  const keepHour = db.prepare(
    `INSERT INTO forecast_hour VALUES (@site, @at, @green, @grid) ON CONFLICT (site, at) DO UPDATE SET
       green_w = coalesce(green_w, excluded.green_w), grid_g_per_kwh = coalesce(grid_g_per_kwh, excluded.grid_g_per_kwh)`,
  )
  const keepIssued = db.prepare('INSERT OR IGNORE INTO forecast_issued VALUES (?, ?, ?, ?)')
  return {
    keepHour: (site, { at, greenW, gridGPerKWh }) =>
      void keepHour.run({ site, at, green: greenW ?? null, grid: gridGPerKWh ?? null }),
    hours: (site, from, to) =>
      db
        .prepare<[string, number, number], HourRow>(
          `SELECT at, green_w AS green, grid_g_per_kwh AS grid FROM forecast_hour
           WHERE site = ? AND at >= ? AND at < ? ORDER BY at`,
        )
        .all(site, from, to)
        .map(({ at, green, grid }) => ({
          at,
          ...(green === null ? {} : { greenW: green }),
          ...(grid === null ? {} : { gridGPerKWh: grid }),
        })),
    lastHour: site =>
      db
        .prepare<[string], { at: number | null }>('SELECT max(at) AS at FROM forecast_hour WHERE site = ?')
        .get(site)?.at ?? undefined,
    dropHoursFrom: (site, from) =>
      db.prepare('DELETE FROM forecast_hour WHERE site = ? AND at >= ?').run(site, from).changes,
    keepIssued: (site, kind, receivedAt, rows) =>
      void keepIssued.run(site, kind, Math.round(receivedAt), JSON.stringify(rows)),
    issued: (site, from) =>
      db
        .prepare<[string, number], { rows: string }>(
          'SELECT rows FROM forecast_issued WHERE site = ? AND received_at >= ? ORDER BY received_at',
        )
        .all(site, from)
        .flatMap(({ rows }) => JSON.parse(rows) as IssuedWeather[]),
    lastIssued: (site, kind) =>
      db
        .prepare<[string, string], { at: number | null }>(
          'SELECT max(received_at) AS at FROM forecast_issued WHERE site = ? AND kind = ?',
        )
        .get(site, kind)?.at ?? undefined,
    thin(now) {
      db.prepare('DELETE FROM forecast_hour WHERE at < ?').run(Math.round(now - HOURS_MS))
      db.prepare('DELETE FROM forecast_issued WHERE received_at < ?').run(Math.round(now - ISSUED_MS))
      db.prepare(
        `DELETE FROM forecast_issued WHERE received_at < @week AND received_at NOT IN (
           SELECT min(received_at) FROM forecast_issued GROUP BY site, kind, received_at / CAST(@every AS INTEGER))`,
      ).run({ week: Math.round(now - 7 * DAY), every: THIN_MS })
    },
  }
}
