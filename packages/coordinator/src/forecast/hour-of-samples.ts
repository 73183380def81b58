/** Hourly means out of what the meters said. */
import { HOUR, MINUTE } from '@heliotrope/shared'
import type { Ms, W } from '@heliotrope/shared'
import type { SampleRow } from '../store/telemetry.js'
import type { MeasuredGrid } from './source.js'

/** An hour is in twelve parts; with fewer than this many seen, its mean would be a guess. */
const PART_MS: Ms = 5 * MINUTE
const PARTS_NEEDED = 8

/**
 * Mean green power of a site in one hour: each meter's parts are averaged first, so that neither bursts nor short gaps count
 * for more than their time; then the meters are summed.
 * @param samples of role green-power from `from` on, in any order; those of bad quality are left out
 * @param expected meters that spoke in the hour before: if one of them is silent, the sum would lie
 * @returns undefined if the hour was not measured well enough
 */
export function greenOfHour(
  samples: readonly Pick<SampleRow, 'meter' | 'at' | 'valueW' | 'quality'>[],
  from: Ms,
  expected: ReadonlySet<string>,
): { greenW: W; meters: Set<string> } | undefined {
  const parts = new Map<string, Map<number, { sum: number; count: number }>>()
  for (const { meter, at, valueW, quality } of samples) {
    if (at < from || at >= from + HOUR || !Number.isFinite(valueW)) continue
    if (quality !== 'measured' && quality !== 'estimated') continue
    const ofMeter = parts.get(meter) ?? new Map<number, { sum: number; count: number }>()
    parts.set(meter, ofMeter)
    const part = Math.floor((at - from) / PART_MS)
    const known = ofMeter.get(part) ?? { sum: 0, count: 0 }
    known.sum += Math.max(0, valueW)
    known.count++
    ofMeter.set(part, known)
  }
  if (parts.size === 0 || [...expected].some(meter => !parts.has(meter))) return undefined
  let greenW = 0
  for (const ofMeter of parts.values()) {
    if (ofMeter.size < PARTS_NEEDED) return undefined
    let sum = 0
    for (const { sum: total, count } of ofMeter.values()) sum += total / count
    greenW += sum / ofMeter.size
  }
  return { greenW, meters: new Set(parts.keys()) }
}

/** Mean intensity in one hour, by the time each value covers; undefined with less than half of it known. */
export function gridOfHour(measured: readonly MeasuredGrid[], from: Ms): number | undefined {
  let [sum, time] = [0, 0]
  for (const { at, spanMs, gridGPerKWh } of measured) {
    const overlap = Math.min(at + spanMs, from + HOUR) - Math.max(at, from)
    if (overlap <= 0) continue
    sum += overlap * gridGPerKWh
    time += overlap
  }
  return time >= HOUR / 2 ? sum / time : undefined
}
