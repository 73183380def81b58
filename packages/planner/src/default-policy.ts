/** The policy that the coordinator starts with; each value can be set in its config. */
import type { Policy } from './types.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

export const defaultPolicy: Policy = {
  marginGCO2eq: 1,
  marginShare: 0.2,
  quantile: 0.5,
  horizonMs: 48 * HOUR,
  cooldownMs: 30 * MINUTE,
  retryAfterFailureMs: 10 * MINUTE,
  settleMs: 2 * MINUTE,
  maxStillMs: 5 * MINUTE,
  maxConcurrentMoves: 2,
  maxMovesPerHour: 12,
  reportMaxAgeMs: 2 * MINUTE,
  forecastMaxAgeMs: 6 * HOUR,
  reserveMiB: 64,
  vcpusPerCpu: 2,
  // A gigabit link, as TLS carries it.
  transferBps: 100e6,
  // Liu et al., "Performance and energy modeling for live migration of virtual machines" (HPDC 2011).
  moveJoulesFixed: 20.2,
  moveJoulesPerMiB: 0.512,
  // 0.06 kWh/GB in 2015, halving every two years (Aslan et al., J. Industrial Ecology 2018).
  wanWhPerGiB: 5,
  hostPower: { idleW: 80, peakW: 200, standbyW: 6, wakeMs: 3 * MINUTE },
  solverMs: 10_000,
}
