/** Points in time as outside services write them. A local time without its offset is none: one hour a year comes twice. */
import type { Ms } from '@heliotrope/shared'

const ZONED = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/

/** @returns NaN for anything that is not ISO 8601 with Z or an offset */
export function parseTime(text: unknown): Ms {
  return typeof text === 'string' && ZONED.test(text) ? Date.parse(text) : NaN
}

/** In the order of time, each time once: the first stands. @param odd is told of what was left out */
export function inOrder<T>(
  rows: readonly T[],
  at: (row: T) => Ms,
  odd: (what: 'duplicate' | 'backwards', at: Ms) => void,
): T[] {
  const kept: T[] = []
  let last = -Infinity
  const seen = new Set<Ms>()
  let sorted = true
  for (const row of rows) {
    const time = at(row)
    if (seen.has(time)) {
      odd('duplicate', time)
      continue
    }
    if (time < last) {
      odd('backwards', time)
      sorted = false
    }
    seen.add(time)
    last = Math.max(last, time)
    kept.push(row)
  }
  return sorted ? kept : kept.sort((a, b) => at(a) - at(b))
}
