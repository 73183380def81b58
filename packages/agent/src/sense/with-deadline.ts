/** Gives up on work that does not end, whether or not it heeds its signal. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, Ms } from '@heliotrope/shared'

/** @throws timeout after `ms`; whatever the work throws */
export async function withDeadline<T>(
  clock: Clock,
  ms: Ms,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  let cancel = (): void => {}
  const deadline = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(ms, () => {
      const error = new HeliotropeError('timeout', `${what} did not answer within ${ms} ms`)
      // In this order: work that heeds the signal must not answer first with a vaguer error.
      reject(error)
      controller.abort(error)
    })
  })
  try {
    return await Promise.race([work(controller.signal), deadline])
  } finally {
    cancel()
  }
}
