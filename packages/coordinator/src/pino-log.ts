/** Our log on pino. */
import { pino } from 'pino'
import type { Logger } from 'pino'
import type { Log } from '@heliotrope/shared'

export const pinoLog = (level: string): Log =>
  over(pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime }))

function over(logger: Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    with: fields => over(logger.child(fields)),
  }
}
