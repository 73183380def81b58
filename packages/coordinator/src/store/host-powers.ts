/** Where each host stands between awake and standby, over restarts. */
import type { PowerRecord } from '../power/machine.js'
import type { Db } from './database.js'

export interface HostPowers {
  save(record: PowerRecord): void
  load(): PowerRecord[]
}

export function openHostPowers(db: Db): HostPowers {
  const put = db.prepare(
    'INSERT INTO host_power VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET record = excluded.record',
  )
  return {
    save: record => void put.run(record.host, JSON.stringify(record)),
    load: () =>
      db
        .prepare<[], { record: string }>('SELECT record FROM host_power ORDER BY host')
        .all()
        .map(row => JSON.parse(row.record) as PowerRecord),
  }
}
