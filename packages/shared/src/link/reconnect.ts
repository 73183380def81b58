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
  /** Resolves when the connection is lost. */
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
    try {
      const connection = await connect()
      const since = clock.mono()
      await serve(connection)
      // A connection that lived counts as success; one that is closed at once must back off like a failure.
      attempts = clock.mono() - since > maxMs ? 0 : attempts + 1
    } catch (error) {
      attempts++
      if (!stopped) failed(error, delay())
    }
    if (!stopped) cancel = clock.after(delay(), () => void run())
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
