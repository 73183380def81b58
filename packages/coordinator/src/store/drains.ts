/** Hosts that an operator has drained: no plan brings a VM there, and those there are moved off. */
import type { HostId, Ms } from '@heliotrope/shared'
import type { Db } from './database.js'

export interface Drain {
  host: HostId
  by: string
  why: string
  at: Ms
}

export interface Drains {
  set(drain: Drain): void
  /** @returns whether it was drained */
  clear(host: HostId): boolean
  all(): Drain[]
}

export function openDrains(db: Db): Drains {
  const put = db.prepare(
    'INSERT INTO host_drain VALUES (@host, @by, @why, @at) ON CONFLICT (host) DO UPDATE SET by = excluded.by, why = excluded.why, at = excluded.at',
  )
  return {
    set: drain => void put.run({ ...drain, at: Math.round(drain.at) }),
    clear: host => db.prepare('DELETE FROM host_drain WHERE host = ?').run(host).changes > 0,
    all: () => db.prepare<[], Drain>('SELECT host, by, why, at FROM host_drain ORDER BY host').all(),
  }
}
