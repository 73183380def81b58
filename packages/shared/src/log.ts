/** The log is a parameter, too; pino stands behind it in the daemons, nothing behind it in most tests. */
export type Fields = Record<string, unknown>

export interface Log {
  debug(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
  /** A log that adds these fields to each line. */
  with(fields: Fields): Log
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
}

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error'
  message: string
  fields: Fields
}

/** Keeps the lines, for tests and for the story a failed simulation prints. */
export function memoryLog(lines: LogLine[] = [], base: Fields = {}): Log & { lines: LogLine[] } {
  const put =
    (level: LogLine['level']) =>
    (message: string, fields: Fields = {}): void => {
      lines.push({ level, message, fields: { ...base, ...fields } })
    }
  return {
    lines,
    debug: put('debug'),
    info: put('info'),
    warn: put('warn'),
    error: put('error'),
    with: fields => memoryLog(lines, { ...base, ...fields }),
  }
}
