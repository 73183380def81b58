/** Watts of a host and of its VMs: idle power stands apart, the rest is shared by CPU time over 60 s or more. */
import type { HostFacts, HostPowerModel, W } from '@heliotrope/shared'
import { cpuWindow } from './cpu-window.js'
import type { CpuPoint } from './cpu-window.js'

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
 * @param learntIdleW what the host's meter has taught; goes before the config's figure
 * @returns undefined before any report
 */
export function hostPower(
  points: readonly CpuPoint[],
  facts: HostFacts,
  model: Pick<HostPowerModel, 'idleW' | 'peakW'>,
  learntIdleW?: W,
): HostPower | undefined {
  const last = points.at(-1)
  if (!last) return undefined
  const { deltas, busyS, spanS, meteredW } = cpuWindow(points) ?? {
    deltas: new Map<string, number>(),
    busyS: 0,
    spanS: 0,
    meteredW: last.powerW,
  }
  const utilisation = spanS > 0 ? Math.min(1, busyS / (spanS * facts.cpus)) : 0
  const estimated = meteredW === undefined
  const totalW = meteredW ?? model.idleW + (model.peakW - model.idleW) * utilisation
  // A meter that reads less than the supposed idle draw is right, and the supposition is wrong.
  const idleW = Math.min((estimated ? undefined : learntIdleW) ?? model.idleW, totalW)
  const dynamicW = totalW - idleW
  const domainsW = new Map(
    [...deltas].map(([name, cpuS]) => [name, busyS > 0 ? (dynamicW * cpuS) / busyS : 0]),
  )
  return { totalW, idleW, estimated, domainsW }
}
