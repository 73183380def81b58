/** The agent's report buffer without SQLite, which has tests of its own and would take half the time of a run. */
import type { ReportBuffer } from '@heliotrope/agent'
import { encode } from '@heliotrope/shared'

interface Kept {
  id: number
  bootId: string
  seq: number
  bytes: Uint8Array
}

/** Outlives its agent, as a file does. */
export function plainBuffer(): ReportBuffer {
  const numbered = new Map<string, number>()
  let kept: Kept[] = []
  let lastId = 0
  const numberOf = (bootId: string): number => numbered.get(bootId) ?? 0
  return {
    append(report) {
      const { bootId } = report
      const seq = numberOf(bootId) + 1
      numbered.set(bootId, seq)
      kept.push({ id: ++lastId, bootId, seq, bytes: encode({ t: 'report', report: { ...report, seq } }) })
    },
    pending: (after, limit) => kept.filter(({ id }) => id > after).slice(0, limit),
    acknowledge(bootId, seq) {
      kept = kept.filter(report => report.bootId !== bootId || report.seq > seq)
      const known = seq <= numberOf(bootId)
      if (!known) numbered.set(bootId, seq)
      return known
    },
    standing: () => ({
      reports: kept.length,
      bytes: kept.reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
      problem: undefined,
    }),
    close() {},
  }
}
