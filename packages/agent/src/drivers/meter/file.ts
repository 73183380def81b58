/** A meter that is a file: something else writes the number, we read it. Its age is the file's. */
import { HeliotropeError } from '@heliotrope/shared'
import type { MeterRole } from '@heliotrope/shared'
import type { HostFiles } from '../../files.js'
import type { Meter } from '../../ports.js'
import { scaleOf } from './units.js'
import type { MeterUnit } from './units.js'

export interface FileMeterOptions {
  name: string
  role: MeterRole
  path: string
  unit: MeterUnit
  pointer?: string | undefined
}

export function fileMeter(files: HostFiles, options: FileMeterOptions): Meter {
  const { name, role, path, unit, pointer } = options
  const scale = scaleOf(unit, pointer)
  return {
    name,
    role,
    async read() {
      try {
        const at = await files.changedAt(path)
        return { ...scale(await files.read(path), at), at }
      } catch (cause) {
        if (cause instanceof HeliotropeError)
          throw new HeliotropeError('meter-failed', `${path}: ${cause.message}`, {
            cause,
            ...remedyOf(cause),
            ...(cause.details ? { details: cause.details } : {}),
          })
        const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
        throw new HeliotropeError(
          'meter-failed',
          missing ? `${path} does not exist` : `${path} cannot be read`,
          {
            cause,
            remedy: 'is the program that writes it running?',
          },
        )
      }
    },
    stop: async () => {},
  }
}

const remedyOf = (error: HeliotropeError): { remedy?: string } =>
  error.remedy === undefined ? {} : { remedy: error.remedy }
