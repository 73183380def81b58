/**
 * Alarms: records with a state, raised once and cleared once, however often the cause is seen; and which state of each has
 * been told to whoever is to hear of it.
 */
import type { Alarm, Clock, Log, Ms } from '@heliotrope/shared'
import type { Db } from './database.js'

export interface AlarmEntry extends Omit<Alarm, 'at'> {
  /** A host, or `coordinator`. */
  source: string
  raisedAt: Ms
  clearedAt?: Ms
}

export interface Alarms {
  raise(source: string, key: string, text: string, remedy: string): void
  clear(source: string, key: string): void
  /** All alarms of a source as it reports them: what it no longer names is cleared. */
  replace(source: string, alarms: readonly Alarm[]): void
  raised(): AlarmEntry[]
  entries(limit: number): AlarmEntry[]
  /** The oldest change that has not been told. What was cleared before it was ever told is no news. */
  untold(): AlarmEntry | undefined
  /** Notes that it has been told as it says. */
  told(alarm: AlarmEntry): void
  /** After each change. */
  onChange: () => void
}

interface Row {
  source: string
  key: string
  state: string
  text: string
  remedy: string
  raised_at: number
  cleared_at: number | null
}

const UNTOLD = `SELECT * FROM alarm WHERE told IS NOT state AND NOT (told IS NULL AND state = 'cleared')
  ORDER BY coalesce(cleared_at, raised_at), source, key LIMIT 1`

export function openAlarms(db: Db, clock: Clock, log: Log): Alarms {
  const one = db.prepare<[string, string], Row>('SELECT * FROM alarm WHERE source = ? AND key = ?')
  const put = db.prepare(
    `INSERT INTO alarm (source, key, state, text, remedy, raised_at) VALUES (?, ?, 'raised', ?, ?, ?)
     ON CONFLICT (source, key) DO UPDATE SET state = 'raised', text = excluded.text, remedy = excluded.remedy,
       raised_at = excluded.raised_at, cleared_at = NULL`,
  )
  const end = db.prepare(`UPDATE alarm SET state = 'cleared', cleared_at = ? WHERE source = ? AND key = ?`)
  const raised = db.prepare<[], Row>(`SELECT * FROM alarm WHERE state = 'raised' ORDER BY raised_at`)
  const newest = db.prepare<[number], Row>('SELECT * FROM alarm ORDER BY raised_at DESC LIMIT ?')
  const first = db.prepare<[], Row>(UNTOLD)
  const noteTold = db.prepare('UPDATE alarm SET told = ? WHERE source = ? AND key = ?')
  const now = (): Ms => Math.round(clock.wall())
  const alarms: Alarms = {
    onChange: () => {},
    raise(source, key, text, remedy) {
      if (one.get(source, key)?.state === 'raised') return
      put.run(source, key, text, remedy, now())
      log.warn('alarm raised', { source, key, text, remedy })
      alarms.onChange()
    },
    clear(source, key) {
      if (one.get(source, key)?.state !== 'raised') return
      end.run(now(), source, key)
      log.info('alarm cleared', { source, key })
      alarms.onChange()
    },
    replace(source, list) {
      const named = new Set(list.filter(alarm => alarm.state === 'raised').map(alarm => alarm.key))
      for (const entry of alarms.raised())
        if (entry.source === source && !named.has(entry.key)) alarms.clear(source, entry.key)
      for (const alarm of list)
        if (alarm.state === 'raised') alarms.raise(source, alarm.key, alarm.text, alarm.remedy)
    },
    raised: () => raised.all().map(toEntry),
    entries: limit => newest.all(limit).map(toEntry),
    untold() {
      const row = first.get()
      return row && toEntry(row)
    },
    told: ({ source, key, state }) => void noteTold.run(state, source, key),
  }
  return alarms
}

const toEntry = (row: Row): AlarmEntry => ({
  source: row.source,
  key: row.key,
  state: row.state === 'raised' ? 'raised' : 'cleared',
  text: row.text,
  remedy: row.remedy,
  raisedAt: row.raised_at,
  ...(row.cleared_at === null ? {} : { clearedAt: row.cleared_at }),
})
