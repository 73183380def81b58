/**
 * Keeps one connection up: connects, and after each loss connects again with doubling, jittered delays, so that a
 * thousand agents do not return in the same instant.
 */
import type { Cancel, Clock } from '../clock.js'
import type { Rng } from '../rng.js'
import type { Ms } from '../units.js'

export interface ReconnectOptions<C> {
  clock: Clock
  rng: Rng
  /** Opens one connection; rejects if it cannot. */
  connect: () => Promise<C>
  /**
   * Settles when the connection is lost; resolved or rejected, a connection that lived counts as success. Also called
   * with a connection that came up while stopping: its owner closes it.
   */
  serve: (connection: C) => Promise<void>
  failed: (error: unknown, nextMs: Ms) => void
  /** First delay, default 500 ms. */
  minMs?: Ms
  /** Largest delay, default 30 s. */
  maxMs?: Ms
}

export function reconnect<C>(options: ReconnectOptions<C>): { stop: () => void } {
  const { clock, rng, connect, serve, failed, minMs = 500, maxMs = 30_000 } = options
  let stopped = false
  let attempts = 0
  let cancel: Cancel = () => {}
  const run = async (): Promise<void> => {
    let since: Ms | undefined
    let failure: { error: unknown } | undefined
    try {
      const connection = await connect()
      since = clock.mono()
      await serve(connection)
    } catch (error) {
      failure = { error }
    }
    if (stopped) return
    // One that is closed at once must back off like one that never came up.
    attempts = since !== undefined && clock.mono() - since > maxMs ? 0 : attempts + 1
    const nextMs = delay()
    if (failure) failed(failure.error, nextMs)
    cancel = clock.after(nextMs, () => void run())
  }
  const delay = (): Ms => {
    const full = Math.min(maxMs, minMs * 2 ** Math.min(attempts, 16))
    return full * (0.5 + rng.fraction() / 2)
  }
  void run()
  return {
    stop() {
      stopped = true
      cancel()
    },
  }
}
