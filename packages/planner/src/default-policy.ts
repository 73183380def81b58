/** The policy that the coordinator starts with; each value can be set in its config. */
import type { Policy } from './types.js'

const MINUTE = 60_000

export const defaultPolicy: Policy = {
  marginW: 5,
  horizonMs: 60 * MINUTE,
  cooldownMs: 30 * MINUTE,
  retryAfterFailureMs: 10 * MINUTE,
  settleMs: 2 * MINUTE,
  maxConcurrentMoves: 2,
  maxMovesPerHour: 12,
  reportMaxAgeMs: 2 * MINUTE,
  reserveMiB: 64,
  // A gigabit link, as TLS carries it; 15 W a side is what a saturated card and one busy core draw.
  transferBps: 100e6,
  transferW: 30,
}
