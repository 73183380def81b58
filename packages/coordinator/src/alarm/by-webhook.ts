/** Tells an alarm by POST: the notice as JSON. Whatever answers 2xx has taken it. */
import { HeliotropeError, SECOND } from '@heliotrope/shared'
import type { Clock, Ms } from '@heliotrope/shared'
import type { Deliver } from './notice.js'

/** As the global `fetch`, which it is in production. */
export type Post = (
  url: string,
  init: {
    method: 'POST'
    headers: Record<string, string>
    body: string
    signal: AbortSignal
    redirect: 'error'
  },
) => Promise<Pick<Response, 'ok' | 'status' | 'text'>>

const DEADLINE_MS: Ms = 15 * SECOND

/** @param authorization what the header of this name says, if the endpoint asks for one */
export function byWebhook(post: Post, clock: Clock, url: string, authorization?: () => string): Deliver {
  const { host } = new URL(url)
  return async notice => {
    const abort = new AbortController()
    const cancel = clock.after(DEADLINE_MS, () => abort.abort())
    try {
      const response = await post(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(authorization && { authorization: authorization() }),
        },
        body: JSON.stringify(notice),
        signal: abort.signal,
        // It would carry what authorises us to whoever it names.
        redirect: 'error',
      })
      // Its words are for the log; what they are does not matter to us.
      const said = (await response.text()).replace(/\s+/g, ' ').slice(0, 200)
      if (response.ok) return
      throw new HeliotropeError('unavailable', `${host} answers ${response.status}: ${said}`, {
        remedy: 'check alarms.webhook in the config, and the endpoint',
      })
    } catch (cause) {
      if (cause instanceof HeliotropeError) throw cause
      if (abort.signal.aborted)
        throw new HeliotropeError('timeout', `${host} did not answer within ${DEADLINE_MS / 1000} s`, {
          cause,
        })
      throw new HeliotropeError('unavailable', `${host} cannot be reached`, {
        cause,
        remedy: 'check alarms.webhook in the config and the way to it',
      })
    } finally {
      cancel()
    }
  }
}
