/**
 * What one move cost in energy, from the watts of both hosts while it ran. Pure. The VM's own watts are in the sum of
 * both hosts before, during and after, so what the sum rises by is the move's.
 */
import type { Ms, W, Wh } from '@heliotrope/shared'
import { HOUR, MINUTE, SECOND } from '@heliotrope/shared'

export interface PowerPoint {
  at: Ms
  valueW: W
}

/** So long before the move the hosts are taken as they are without it. */
export const BASELINE_MS: Ms = 10 * MINUTE
/** Fewer readings than this in a stretch say nothing about its mean. */
const MIN_POINTS = 2
/** Of a shorter transfer a meter that is read every some seconds sees too little. */
const MIN_DURATION_MS: Ms = 10 * SECOND
/** A rise beyond this is not a card and a few busy cores, but something else that began meanwhile. */
const MAX_RISE_W: W = 500

/**
 * @param hosts host-power readings of source and target, each over `startedAt - BASELINE_MS` to `endedAt`
 * @returns Wh, at least 0; undefined if the meters cannot tell: too few readings, or a rise no transfer causes
 */
export function meteredMoveWh(
  startedAt: Ms,
  endedAt: Ms,
  hosts: readonly (readonly PowerPoint[])[],
): Wh | undefined {
  const durationMs = endedAt - startedAt
  if (!(durationMs >= MIN_DURATION_MS) || hosts.length === 0) return undefined
  let riseW = 0
  for (const points of hosts) {
    const before = mean(points.filter(({ at }) => at >= startedAt - BASELINE_MS && at < startedAt))
    const during = mean(points.filter(({ at }) => at >= startedAt && at <= endedAt))
    if (before === undefined || during === undefined) return undefined
    riseW += during - before
  }
  if (riseW > MAX_RISE_W) return undefined
  return (Math.max(0, riseW) * durationMs) / HOUR
}

function mean(points: readonly PowerPoint[]): W | undefined {
  if (points.length < MIN_POINTS) return undefined
  return points.reduce((sum, { valueW }) => sum + valueW, 0) / points.length
}
