/** Key and certificate files: written whole or not at all, keys readable by their owner only. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { HeliotropeError } from '@heliotrope/shared'

export const MODE_SECRET = 0o600
export const MODE_PUBLIC = 0o644

/** @returns the text, or undefined if there is no such file. @throws bad-config if it cannot be read */
export function readKeyFile(dir: string, name: string): string | undefined {
  try {
    return readFileSync(join(dir, name), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new HeliotropeError('bad-config', `${join(dir, name)} cannot be read`, {
      cause,
      remedy: 'run as the user that owns the data directory',
    })
  }
}

/** @throws unavailable if the file cannot be written; then nothing under that name has changed */
export function writeKeyFile(dir: string, name: string, text: string, mode: number): void {
  const path = join(dir, name)
  const part = `${path}.new`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const fd = openSync(part, 'w', mode)
    try {
      writeSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(part, path)
  } catch (cause) {
    throw new HeliotropeError('unavailable', `${path} cannot be written`, {
      cause,
      remedy: 'check that the directory is writable and has space',
    })
  }
}
