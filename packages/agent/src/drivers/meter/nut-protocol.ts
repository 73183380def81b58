/**
 * Network UPS Tools' text protocol (NUT developer guide, "Network protocol information"; RFC 9271): lines of words, a
 * word with blanks in double quotes, `"` and `\` in it behind a backslash.
 */
import { HeliotropeError } from '@heliotrope/shared'

/** @throws meter-failed for a line whose quotes do not end */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const char = line[i] as string
    if (char === '\\' && quoted && i + 1 < line.length) word = (word ?? '') + line[++i]
    else if (char === '"') {
      quoted = !quoted
      word ??= ''
    } else if (!quoted && (char === ' ' || char === '\t')) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (quoted) throw new HeliotropeError('meter-failed', `upsd sent a line without end: ${line.slice(0, 80)}`)
  if (word !== undefined) words.push(word)
  return words
}

/** A word as it must be written. */
export const quoteWord = (word: string): string =>
  /^[\w.@:-]+$/.test(word) ? word : `"${word.replace(/[\\"]/g, '\\$&')}"`

/** What the errors of upsd mean, and what to do. */
const ERRORS: Record<string, string> = {
  'UNKNOWN-UPS': 'upsd knows no UPS of that name: upsc -l lists them',
  'VAR-NOT-SUPPORTED': 'this UPS does not tell that variable: upsc UPS lists what it tells',
  'DATA-STALE': 'the driver has lost the device: check its cable and the log of the NUT driver',
  'DRIVER-NOT-CONNECTED': 'start the NUT driver (upsdrvctl start)',
  'ACCESS-DENIED': 'give username and password_file, and let upsd.users allow it',
  'INVALID-PASSWORD': 'correct the content of password_file',
  'INVALID-USERNAME': 'correct username',
  'USERNAME-REQUIRED': 'give username and password_file',
  'PASSWORD-REQUIRED': 'give username and password_file',
}

/** An `ERR …` answer as an error; `details.nut` holds its word. */
export function nutError(words: readonly string[], asked: string): HeliotropeError {
  const [, what = 'nothing', ...rest] = words
  const remedy = ERRORS[what]
  return new HeliotropeError('meter-failed', `upsd answered ${[what, ...rest].join(' ')} to ${asked}`, {
    details: { nut: what },
    ...(remedy === undefined ? {} : { remedy }),
  })
}
