/**
 * The one error class. Codes are a closed set: programs branch on the code, people read the message, and the message
 * says what to do about it. The cause is kept and never pasted into the outer message.
 */
export type ErrorCode =
  | 'bad-input' // an argument, a config or a message that breaks its own rules
  | 'bad-config' // a configuration file: the message names the place and the remedy
  | 'bad-frame' // bytes on a link that do not decode or do not fit their schema
  | 'wrong-version' // the other side speaks another protocol
  | 'unauthorised' // token, certificate, signature or role does not allow it
  | 'refused' // a normal outcome: a check said no
  | 'superseded' // a higher epoch exists
  | 'unknown' // VM, host, site, move or command that nobody knows
  | 'conflict' // somebody else holds it
  | 'unavailable' // not reachable now; trying again later may help
  | 'timeout'
  | 'cancelled'
  | 'exec-failed' // a command of the host ended badly
  | 'journal-failed' // the journal could not write or sync: no new step may be taken
  | 'meter-failed'
  | 'tampered' // an audit chain or journal that does not verify
  | 'internal'

export interface ErrorOptions {
  cause?: unknown
  /** What a person should do about it, in one sentence. */
  remedy?: string
  details?: Record<string, unknown>
}

export class HeliotropeError extends Error {
  readonly code: ErrorCode
  readonly remedy: string | undefined
  readonly details: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'HeliotropeError'
    this.code = code
    this.remedy = options.remedy
    this.details = options.details
  }

  /** Normalises anything caught; an error of ours passes through untouched. */
  static from(reason: unknown, code: ErrorCode = 'internal'): HeliotropeError {
    if (reason instanceof HeliotropeError) return reason
    if (reason instanceof Error) return new HeliotropeError(code, reason.message, { cause: reason })
    return new HeliotropeError(code, String(reason), { cause: reason })
  }
}

/** The whole chain on one line, outermost first, for the log. */
export function errorChain(reason: unknown): string {
  const parts: string[] = []
  for (let error = reason, depth = 0; error !== undefined && depth < 8; depth++) {
    if (!(error instanceof Error)) {
      parts.push(String(error))
      break
    }
    const code = error instanceof HeliotropeError ? `[${error.code}] ` : ''
    const text = code + error.message
    if (parts.at(-1) !== text && !parts.at(-1)?.endsWith(text)) parts.push(text)
    error = error.cause
  }
  return parts.join(': ')
}
