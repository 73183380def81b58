/** What one move gains and costs, given what the plan has already taken up. */
import type { GCO2eqPerKWh, Quality, VmState, W } from '@heliotrope/shared'
import { vmMemoryMiB } from '../need/fleet-view.js'
import type { SiteWork } from '../need/fleet-view.js'
import type { Effect, Policy } from '../types.js'

const HOUR = 3_600_000
const MEBIBYTE = 1_048_576
/** Pages that are sent again because the guest wrote to them (`scenarios/FORMAT.md`). */
const RESENT = 1.25

/** How far a reading may be believed; the first planner has no error history to learn it from. */
const belief: Record<Quality | 'missing', number> = {
  measured: 0.9,
  estimated: 0.6,
  constant: 0.6,
  stale: 0,
  missing: 0,
}

/** Green power in use at a site. */
const usedW = (greenW: W, loadW: W): W => Math.min(greenW, Math.max(0, loadW))
const gridW = (greenW: W, loadW: W): W => Math.max(0, loadW - greenW)

/** Both sites must have a trusted reading: without one it counts as 0 W. */
export function effectOf(policy: Policy, vm: VmState, from: SiteWork, to: SiteWork): Effect {
  const [fromGreen, toGreen] = [from.greenW ?? 0, to.greenW ?? 0]
  const fromAfter = from.loadW - vm.powerW
  const toAfter = to.loadW + vm.powerW
  const gainW =
    usedW(fromGreen, fromAfter) -
    usedW(fromGreen, from.loadW) +
    usedW(toGreen, toAfter) -
    usedW(toGreen, to.loadW)
  const horizonH = policy.horizonMs / HOUR
  const durationMs = (vmMemoryMiB(vm) * MEBIBYTE * RESENT * 1000) / policy.transferBps
  const spentWh = (policy.transferW * durationMs) / HOUR
  const savedG =
    grams(gridW(fromGreen, from.loadW) - gridW(fromGreen, fromAfter), from.state.gridIntensity) -
    grams(gridW(toGreen, toAfter) - gridW(toGreen, to.loadW), to.state.gridIntensity)
  return {
    gainW,
    gainedWh: gainW * horizonH,
    spentWh,
    gainedGCO2eq: savedG * horizonH,
    spentGCO2eq: grams(spentWh, (from.state.gridIntensity + to.state.gridIntensity) / 2),
    durationMs,
    confidence: belief[from.state.greenQuality] * belief[to.state.greenQuality],
  }
}

/** Gain in W with the move's own energy spread over the horizon. */
export const netGainW = (policy: Policy, effect: Effect): W =>
  effect.gainW - (effect.spentWh * HOUR) / policy.horizonMs

/** Grams for so many Wh (or an hour of so many W). */
const grams = (wh: number, intensity: GCO2eqPerKWh): number => (wh / 1000) * intensity
