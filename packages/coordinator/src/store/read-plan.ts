/** One stored plan, out of a store file that a coordinator may be writing. Needs nothing but the file. */
import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { HeliotropeError } from '@heliotrope/shared'
import { MIGRATIONS } from './migrations.js'
import { openPlans } from './plans.js'
import type { StoredPlan } from './plans.js'

/** @throws unknown if there is no such file or plan, conflict if another version wrote the file */
export function readStoredPlan(file: string, id: number): StoredPlan {
  if (!existsSync(file)) throw new HeliotropeError('unknown', `there is no store ${file}`)
  const db = new Database(file, { readonly: true, fileMustExist: true })
  try {
    const schema = db.pragma('user_version', { simple: true }) as number
    if (schema !== MIGRATIONS.length)
      throw new HeliotropeError(
        'conflict',
        `store ${file} has schema ${schema}, this program reads ${MIGRATIONS.length}`,
        { remedy: 'replay with the version of heliotrope that wrote it' },
      )
    const plan = openPlans(db).find(id)
    if (plan) return plan
    const ids = db
      .prepare<[], { first: number | null; last: number | null }>(
        'SELECT min(id) AS first, max(id) AS last FROM plan',
      )
      .get()
    throw new HeliotropeError('unknown', `there is no plan ${id} in ${file}`, {
      remedy: ids?.first ? `kept are plans from ${ids.first} to ${ids.last}` : 'no plan is kept there yet',
    })
  } finally {
    db.close()
  }
}
