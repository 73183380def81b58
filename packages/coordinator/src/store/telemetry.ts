/**
 * Samples in batches, and how far each host's reports are stored. Raw samples are thinned to means by age: 48 h raw,
 * 5-minute means for 90 days, hourly means for 5 years.
 */
import type { HostId, MeterRole, Ms, Quality, Report, SiteId, W } from '@heliotrope/shared'
import { DAY, HOUR, MINUTE } from '@heliotrope/shared'
import type { Db } from './database.js'

export const RAW_MS: Ms = 48 * HOUR
export const MEANS: readonly { widthMs: Ms; keepMs: Ms }[] = [
  { widthMs: 5 * MINUTE, keepMs: 90 * DAY },
  { widthMs: HOUR, keepMs: 5 * 365 * DAY },
]
/** Marks of boots that are long over are not needed: the agent's buffer is shorter. */
const BOOT_MS: Ms = 90 * DAY

export interface MeanRow {
  at: Ms
  meter: string
  role: MeterRole
  meanW: W
  count: number
}

export interface SampleRow {
  site: SiteId
  host: string
  meter: string
  role: MeterRole
  at: Ms
  valueW: W
  quality: Quality
}

export interface Telemetry {
  /** Stores samples and marks in one transaction. */
  store(reports: readonly Report[], now: Ms): void
  /** Last stored sequence number of each host and boot: `HOST BOOT` to number. */
  marks(): Map<string, number>
  samples(site: SiteId, role: MeterRole, from: Ms, to: Ms): SampleRow[]
  means(site: SiteId, role: MeterRole, widthMs: Ms, from: Ms, to: Ms): MeanRow[]
  /** The retention job. Idempotent. */
  thin(now: Ms): void
}

export const markOf = (host: HostId, bootId: string): string => `${host} ${bootId}`

export function openTelemetry(db: Db): Telemetry {
  const add = db.prepare(
    'INSERT OR IGNORE INTO sample VALUES (@site, @host, @meter, @role, @at, @valueW, @quality)',
  )
  const mark = db.prepare(
    `INSERT INTO report_seq VALUES (?, ?, ?, ?)
     ON CONFLICT (host, boot_id) DO UPDATE SET seq = max(seq, excluded.seq), at = excluded.at`,
  )
  const store = db.transaction((reports: readonly Report[], now: Ms): void => {
    for (const report of reports) {
      // A site's meter is one meter, however many agents see it; a host's own meter is told apart by its host.
      for (const sample of report.samples) {
        const host = sample.role === 'host-power' ? report.host : ''
        add.run({ ...sample, site: report.site, host, at: Math.round(sample.at) })
      }
      mark.run(report.host, report.bootId, report.seq, Math.round(now))
    }
  })
  const average = db.prepare(
    `INSERT OR REPLACE INTO sample_mean
     SELECT @width, site, host, meter, role, at - at % @width, avg(value_w), count(*) FROM sample
     WHERE at < @before - @before % @width AND at >= @since AND quality IN ('measured', 'estimated')
     GROUP BY site, host, meter, role, at - at % @width`,
  )
  const lastMean = db.prepare<[number], { at: number | null }>(
    'SELECT max(at) AS at FROM sample_mean WHERE width_ms = ?',
  )
  const thin = db.transaction((now: Ms): void => {
    for (const { widthMs, keepMs } of MEANS) {
      // Buckets that replayed reports may still fill are made again while their raw samples exist.
      const since = Math.max(0, (lastMean.get(widthMs)?.at ?? 0) - DAY)
      average.run({ width: widthMs, before: Math.round(now), since: since - (since % widthMs) })
      db.prepare('DELETE FROM sample_mean WHERE width_ms = ? AND at < ?').run(
        widthMs,
        Math.round(now - keepMs),
      )
    }
    db.prepare('DELETE FROM sample WHERE at < ?').run(Math.floor((now - RAW_MS) / HOUR) * HOUR)
    db.prepare('DELETE FROM report_seq WHERE at < ?').run(Math.round(now - BOOT_MS))
  })
  return {
    store: (reports, now) => void store.immediate(reports, now),
    marks: () =>
      new Map(
        db
          .prepare<[], { host: string; boot_id: string; seq: number }>(
            'SELECT host, boot_id, seq FROM report_seq',
          )
          .all()
          .map(row => [`${row.host} ${row.boot_id}`, row.seq]),
      ),
    samples: (site, role, from, to) =>
      db
        .prepare<[string, string, number, number], SampleRow>(
          `SELECT site, host, meter, role, at, value_w AS valueW, quality FROM sample
           WHERE site = ? AND role = ? AND at >= ? AND at < ? ORDER BY at`,
        )
        .all(site, role, from, to),
    means: (site, role, widthMs, from, to) =>
      db
        .prepare<[number, string, string, number, number], MeanRow>(
          `SELECT at, meter, role, mean_w AS meanW, count FROM sample_mean
           WHERE width_ms = ? AND site = ? AND role = ? AND at >= ? AND at < ? ORDER BY at`,
        )
        .all(widthMs, site, role, from, to),
    thin: now => void thin.immediate(now),
  }
}
