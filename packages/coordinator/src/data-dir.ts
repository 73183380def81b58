/** What lies where in the data directory. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { HeliotropeError } from '@heliotrope/shared'

/** Moves and audit: the hash chain. */
export const journalFile = (dataDir: string): string => join(dataDir, 'journal.db')
/** Everything else that must survive a restart. */
export const storeFile = (dataDir: string): string => join(dataDir, 'heliotrope.db')
/** Keys and certificates. */
export const trustDir = (dataDir: string): string => join(dataDir, 'trust')

/** @throws unavailable */
export function makeDataDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new HeliotropeError('unavailable', `data_dir ${dir} cannot be made`, {
      cause,
      remedy: 'create it and give it to the user that runs heliotrope',
    })
  }
}
