/** One conditional GET with a deadline and a bound on its size. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, Ms } from '@heliotrope/shared'

/** As the global `fetch`, which it is in production. */
export type Http = (
  url: string,
  init: { headers: Record<string, string>; signal: AbortSignal; redirect: 'error' },
) => Promise<Response>

export interface Validators {
  etag?: string
  lastModified?: string
}

export type Fetched =
  | { kind: 'new'; body: string; validators: Validators; freshMs: Ms }
  /** The server says that nothing changed. */
  | { kind: 'same'; freshMs: Ms }

export const FETCH_DEADLINE_MS: Ms = 20_000
export const MAX_BODY_BYTES = 4 * 1024 * 1024

/**
 * @throws timeout, unavailable (with `retryAfterMs` in its details where the server said so), unauthorised, bad-input for an
 * answer that is too long
 */
export async function fetchText(
  http: Http,
  clock: Clock,
  url: string,
  headers: Record<string, string>,
  known: Validators,
): Promise<Fetched> {
  const abort = new AbortController()
  const cancel = clock.after(FETCH_DEADLINE_MS, () => abort.abort())
  const { host } = new URL(url)
  try {
    const response = await http(url, {
      headers: {
        accept: 'application/json, text/csv',
        ...headers,
        ...(known.etag === undefined ? {} : { 'if-none-match': known.etag }),
        ...(known.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified }),
      },
      signal: abort.signal,
      // A redirect would carry the token to whoever it names.
      redirect: 'error',
    })
    const freshMs = freshFor(response.headers.get('cache-control'))
    if (response.status === 304) return { kind: 'same', freshMs }
    const body = await readBody(response, host)
    if (response.ok) {
      const [etag, lastModified] = [response.headers.get('etag'), response.headers.get('last-modified')]
      const validators = {
        ...(etag === null ? {} : { etag }),
        ...(lastModified === null ? {} : { lastModified }),
      }
      return { kind: 'new', body, validators, freshMs }
    }
    throw refusal(response, host, body)
  } catch (cause) {
    if (cause instanceof HeliotropeError) throw cause
    if (abort.signal.aborted)
      throw new HeliotropeError('timeout', `${host} did not answer within ${FETCH_DEADLINE_MS / 1000} s`, {
        cause,
      })
    throw new HeliotropeError('unavailable', `${host} cannot be reached`, {
      cause,
      remedy: 'check the url in the config and the way to it; until then the last good answer is used',
    })
  } finally {
    cancel()
  }
}

function refusal(response: Response, host: string, body: string): HeliotropeError {
  const { status } = response
  const said = body.replace(/\s+/g, ' ').slice(0, 200)
  if (status === 401 || status === 403)
    return new HeliotropeError('unauthorised', `${host} answers ${status}: ${said}`, {
      remedy: 'check the secret_file of this source in the config',
    })
  const seconds = Number(response.headers.get('retry-after'))
  const details = seconds > 0 && seconds <= 86_400 ? { retryAfterMs: seconds * 1000 } : {}
  return new HeliotropeError('unavailable', `${host} answers ${status}: ${said}`, { details })
}

async function readBody(response: Response, host: string): Promise<string> {
  if (!response.body) return ''
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += part.length
    if (size > MAX_BODY_BYTES)
      throw new HeliotropeError('bad-input', `${host} sends more than ${MAX_BODY_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** RFC 9111, 5.2.2.1; 0 where the server does not say. */
function freshFor(control: string | null): Ms {
  if (control === null || /no-(cache|store)/i.test(control)) return 0
  const seconds = Number(/max-age=(\d{1,6})/i.exec(control)?.[1] ?? 0)
  return Math.min(seconds, 6 * 3600) * 1000
}
