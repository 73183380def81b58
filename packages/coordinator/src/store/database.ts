/** The coordinator's SQLite file: WAL, every commit synced, schema brought up to date on opening. */
import Database from 'better-sqlite3'
import { HeliotropeError } from '@heliotrope/shared'
import { MIGRATIONS } from './migrations.js'

export type Db = Database.Database

/**
 * @param file a path, or `:memory:`
 * @throws unavailable if it cannot be opened, conflict if a newer version wrote it
 */
export function openDatabase(file: string): Db {
  let db: Db
  try {
    db = new Database(file, { timeout: 5_000 })
    db.pragma('journal_mode = WAL')
    // In WAL mode the default of better-sqlite3 is NORMAL, which may lose the last commits at a power cut.
    db.pragma('synchronous = FULL')
  } catch (cause) {
    throw new HeliotropeError('unavailable', `store ${file} cannot be opened`, {
      cause,
      remedy: 'check that the directory exists, is writable and has space',
    })
  }
  const done = db.pragma('user_version', { simple: true }) as number
  if (done > MIGRATIONS.length) {
    db.close()
    throw new HeliotropeError(
      'conflict',
      `store ${file} has schema ${done}, this program knows ${MIGRATIONS.length}`,
      {
        remedy: 'run the newer version of heliotrope that wrote it',
      },
    )
  }
  db.transaction(() => {
    MIGRATIONS.slice(done).forEach(sql => db.exec(sql))
    db.pragma(`user_version = ${MIGRATIONS.length}`)
  }).immediate()
  return db
}
