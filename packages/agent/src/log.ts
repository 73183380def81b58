/** The daemon's log on pino: one JSON line each, on stderr, where systemd's journal takes it. */
import type { Fields, Log } from '@heliotrope/shared'
import { pino } from 'pino'
import type { Logger } from 'pino'

export function daemonLog(level: 'debug' | 'info' | 'warn' | 'error'): Log {
  return wrap(
    pino(
      { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
      pino.destination({ dest: 2, sync: true }),
    ),
  )
}

function wrap(logger: Logger): Log {
  const put =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: Fields): void =>
      logger[level](fields ?? {}, message)
  return {
    debug: put('debug'),
    info: put('info'),
    warn: put('warn'),
    error: put('error'),
    with: fields => wrap(logger.child(fields)),
  }
}
