/** CPU time and watts of a host over the last minute or more. */
import type { Ms, W } from '@heliotrope/shared'
import { SECOND } from '@heliotrope/shared'

/** CPU seconds of all domains at one instant; `dom0` is dom0. */
export interface CpuPoint {
  at: Ms
  cpuS: Record<string, number>
  /** Mean watts of the whole host since the point before, if it has meters and all can be trusted. */
  powerW: W | undefined
}

/** VM watts come from at least this much CPU time (shorter windows jitter by more than a VM draws). */
export const CPU_MIN_WINDOW_MS: Ms = 60 * SECOND

export interface CpuWindow {
  end: Ms
  spanS: number
  /** CPU seconds by domain, dom0 included. */
  deltas: Map<string, number>
  busyS: number
  /** Mean over the window, each point weighed by its time; undefined if less than half of it was metered. */
  meteredW: W | undefined
}

/** @param points oldest first, of one boot. @returns undefined before 60 s have been seen */
export function cpuWindow(points: readonly CpuPoint[]): CpuWindow | undefined {
  const last = points.at(-1)
  const start = last ? points.findLastIndex(point => last.at - point.at >= CPU_MIN_WINDOW_MS) : -1
  const first = points[start]
  if (!last || !first) return undefined
  const deltas = cpuDeltas(first, last)
  return {
    end: last.at,
    spanS: (last.at - first.at) / 1000,
    deltas,
    busyS: [...deltas.values()].reduce((sum, value) => sum + value, 0),
    meteredW: meanWatts(points.slice(start)),
  }
}

/** CPU seconds spent in the window; a domain made in it started from zero. */
function cpuDeltas(first: CpuPoint, last: CpuPoint): Map<string, number> {
  const deltas = new Map<string, number>()
  for (const [name, end] of Object.entries(last.cpuS)) {
    const start = first.cpuS[name] ?? 0
    deltas.set(name, end >= start ? end - start : end)
  }
  return deltas
}

/** The first point's watts are of the time before the window. */
function meanWatts(points: readonly CpuPoint[]): W | undefined {
  let joules = 0
  let metered = 0
  let all = 0
  points.forEach(({ at, powerW }, i) => {
    const span = at - (points[i - 1]?.at ?? at)
    all += span
    if (powerW === undefined) return
    metered += span
    joules += powerW * span
  })
  return metered > 0 && metered >= all / 2 ? joules / metered : undefined
}
