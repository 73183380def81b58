/** Watts of a host and of its VMs: idle power stands apart, the rest is shared by CPU time over 60 s or more. */
import type { HostFacts, HostPowerModel, Ms, W } from '@heliotrope/shared'
import { CPU_MIN_WINDOW_MS } from './host-record.js'
import type { CpuPoint } from './host-record.js'

export interface HostPower {
  /** Mean over the window: metered, or estimated from load. */
  totalW: W
  idleW: W
  estimated: boolean
  /** Dynamic watts by domain uuid, dom0 as `dom0`. Empty until a window of 60 s has been seen. */
  domainsW: Map<string, W>
}

/**
 * @param points CPU seconds over time, oldest first, one boot
 * @returns undefined before any report
 */
export function hostPower(
  points: readonly CpuPoint[],
  facts: HostFacts,
  model: Pick<HostPowerModel, 'idleW' | 'peakW'>,
): HostPower | undefined {
  const last = points.at(-1)
  if (!last) return undefined
  const first = windowStart(points, last.at)
  const metered = points
    .filter(p => p.powerW !== undefined && p.at >= (first?.at ?? last.at))
    .map(p => p.powerW as W)
  const deltas = first ? cpuDeltas(first, last) : new Map<string, number>()
  const busyS = [...deltas.values()].reduce((sum, value) => sum + value, 0)
  const spanS = first ? (last.at - first.at) / 1000 : 0
  const utilisation = spanS > 0 ? Math.min(1, busyS / (spanS * facts.cpus)) : 0
  const estimated = metered.length === 0
  const totalW = estimated
    ? model.idleW + (model.peakW - model.idleW) * utilisation
    : metered.reduce((sum, value) => sum + value, 0) / metered.length
  // A meter that reads less than the configured idle draw is right, and the config is wrong.
  const idleW = Math.min(model.idleW, totalW)
  const dynamicW = totalW - idleW
  const domainsW = new Map(
    [...deltas].map(([name, cpuS]) => [name, busyS > 0 ? (dynamicW * cpuS) / busyS : 0]),
  )
  return { totalW, idleW, estimated, domainsW }
}

/** The newest point that lies at least 60 s back. */
function windowStart(points: readonly CpuPoint[], end: Ms): CpuPoint | undefined {
  return points.filter(point => end - point.at >= CPU_MIN_WINDOW_MS).at(-1)
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
