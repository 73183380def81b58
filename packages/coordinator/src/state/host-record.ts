/** What is known of one host. Immutable: a report makes a new record, so that a snapshot taken earlier stays as it was. */
import type {
  Alarm,
  Domain,
  Finding,
  HostFacts,
  HostId,
  MoveProgress,
  Ms,
  Report,
  Sample,
  SiteId,
} from '@heliotrope/shared'
import { SECOND } from '@heliotrope/shared'

/** CPU seconds of all domains at one instant; `dom0` is dom0. */
export interface CpuPoint {
  at: Ms
  cpuS: Record<string, number>
  /** Watts of the whole host then, if it has a meter. */
  powerW: number | undefined
}

export interface HostRecord {
  id: HostId
  site: SiteId
  /** Fingerprint of its public key, from its certificate. */
  key: string
  connected: boolean
  bootId: string
  /** Boot and sequence number of the last report that went into this record. */
  reportBoot: string
  reportSeq: number
  lastReportAt: Ms
  facts: HostFacts | undefined
  domains: Domain[]
  findings: Finding[]
  moves: MoveProgress[]
  alarms: Alarm[]
  /** Latest of each meter. */
  samples: Sample[]
  /** Oldest first, of this boot, over `CPU_WINDOW_MS`. */
  cpu: CpuPoint[]
}

/** VM watts come from at least this much CPU time (shorter windows jitter by more than a VM draws). */
export const CPU_MIN_WINDOW_MS: Ms = 60 * SECOND
const CPU_WINDOW_MS: Ms = 120 * SECOND
/** Points closer than this add nothing. */
const CPU_STEP_MS: Ms = 5 * SECOND

export const newHostRecord = (id: HostId, site: SiteId, key: string, bootId: string): HostRecord => ({
  id,
  site,
  key,
  connected: false,
  bootId,
  reportBoot: '',
  reportSeq: 0,
  lastReportAt: 0,
  facts: undefined,
  domains: [],
  findings: [],
  moves: [],
  alarms: [],
  samples: [],
  cpu: [],
})

/**
 * The record after a report of the host's present boot. A report that is older than what the record holds changes
 * nothing; a partial one is taken only on top of a full one of the same boot.
 */
export function withReport(record: HostRecord, report: Report): HostRecord {
  if (report.bootId !== record.bootId) return record
  const sameBoot = record.reportBoot === report.bootId
  if (sameBoot && report.seq <= record.reportSeq) return record
  if (!sameBoot && !report.full) return record
  const base = sameBoot ? record : { ...record, cpu: [], moves: [], alarms: [], samples: [] }
  return {
    ...base,
    reportBoot: report.bootId,
    reportSeq: report.seq,
    lastReportAt: report.at,
    facts: report.facts ?? base.facts,
    domains: report.domains ?? base.domains,
    findings: report.findings ?? base.findings,
    moves: report.moves,
    alarms: withAlarms(report.full ? [] : base.alarms, report.alarms),
    samples: withSamples(base.samples, report.samples),
    cpu: withCpu(base.cpu, report),
  }
}

function withAlarms(before: readonly Alarm[], news: readonly Alarm[]): Alarm[] {
  const byKey = new Map(before.map(alarm => [alarm.key, alarm]))
  for (const alarm of news)
    if (alarm.state === 'cleared') byKey.delete(alarm.key)
    else byKey.set(alarm.key, alarm)
  return [...byKey.values()]
}

function withSamples(before: readonly Sample[], news: readonly Sample[]): Sample[] {
  const latest = new Map(before.map(sample => [`${sample.role}/${sample.meter}`, sample]))
  for (const sample of news) {
    const name = `${sample.role}/${sample.meter}`
    if ((latest.get(name)?.at ?? -Infinity) <= sample.at) latest.set(name, sample)
  }
  return [...latest.values()]
}

function withCpu(before: readonly CpuPoint[], report: Report): CpuPoint[] {
  if (Object.keys(report.cpuS).length === 0) return [...before]
  const last = before.at(-1)
  if (last && report.at < last.at) return [point(report)]
  const kept = before.filter(earlier => earlier.at >= report.at - CPU_WINDOW_MS)
  if (last && report.at - last.at < CPU_STEP_MS) kept.pop()
  return [...kept, point(report)]
}

function point(report: Report): CpuPoint {
  const watts = report.samples.filter(sample => sample.role === 'host-power').map(sample => sample.valueW)
  return { at: report.at, cpuS: report.cpuS, powerW: watts.at(-1) }
}
