/** What is told of an alarm to whoever is to be woken by it. */
import type { Ms } from '@heliotrope/shared'
import type { AlarmEntry } from '../store/alarms.js'

/** One JSON object a notice, with these members and no others. */
export interface AlarmNotice {
  /** Which coordinator says so: the first of its `server_names`. */
  coordinator: string
  /** A host, or `coordinator`. */
  source: string
  /** What it is about; the notice that clears an alarm has the key of the one that raised it. */
  key: string
  state: 'raised' | 'cleared'
  text: string
  remedy: string
  /** When it was raised or cleared, UTC, ISO 8601. */
  at: string
}

/** Resolves when the notice has been taken. @throws timeout, unavailable, unauthorised, exec-failed */
export type Deliver = (notice: AlarmNotice) => Promise<void>

/** Pure. */
export const noticeOf = (coordinator: string, alarm: AlarmEntry): AlarmNotice => ({
  coordinator,
  source: alarm.source,
  key: alarm.key,
  state: alarm.state,
  text: alarm.text,
  remedy: alarm.remedy,
  at: iso(alarm.clearedAt ?? alarm.raisedAt),
})

const iso = (at: Ms): string => new Date(at).toISOString()

/** Said by `heliotrope alarms test`, and by nothing else. */
export const testNotice = (coordinator: string, by: string, at: Ms): AlarmNotice => ({
  coordinator,
  source: 'coordinator',
  key: 'test',
  state: 'raised',
  text: `a test, asked for by ${by}: nothing is wrong`,
  remedy: 'none is needed',
  at: iso(at),
})
