/** Nearest rank: p99 of 200 is the third largest. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? NaN
}

export const round = (value: number, digits = 2): number => Math.round(value * 10 ** digits) / 10 ** digits
