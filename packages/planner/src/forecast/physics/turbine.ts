/** What a turbine makes of wind. */
import type { W } from '@heliotrope/shared'

/** Points of a power curve, speeds rising: m/s at the hub, share of the rated power. */
export type PowerCurve = readonly (readonly [speedMs: number, share: number])[]

/** Cubic from 3 to rated at 12 m/s, as the power in the wind is (Betz); off above 25. */
export const plainCurve: PowerCurve = [
  ...Array.from({ length: 19 }, (_, step) => {
    const speed = 3 + step / 2
    return [speed, (speed ** 3 - 27) / (12 ** 3 - 27)] as const
  }),
  [25, 1],
  [25.01, 0],
]

/** Linear between the points, 0 outside them. */
export function turbineW(ratedW: W, speedMs: number, curve: PowerCurve = plainCurve): W {
  for (let i = 1; i < curve.length; i++) {
    const [right, high] = curve[i]!
    const [left, low] = curve[i - 1]!
    if (speedMs >= left && speedMs <= right)
      return ratedW * (low + ((high - low) * (speedMs - left)) / (right - left))
  }
  return 0
}

/**
 * Wind at another height by the power law, exponent 1/7: open land, neutral air (Justus, Mikhail 1976).
 * @param fromM where `speedMs` was measured or forecast, m above ground
 */
export function windAtHeight(speedMs: number, fromM: number, toM: number): number {
  return speedMs * (toM / fromM) ** (1 / 7)
}
