/** What is known of one host. Immutable: a report makes a new record, so that a snapshot taken earlier stays as it was. */
import type {
  Alarm,
  Domain,
  Finding,
  HostFacts,
  HostId,
  LostVm,
  MoveProgress,
  Ms,
  Report,
  Sample,
  SiteId,
  VmId,
} from '@heliotrope/shared'
import { SECOND } from '@heliotrope/shared'
import { cpuWindow } from './cpu-window.js'
import type { CpuPoint } from './cpu-window.js'
import { hostWatts } from './host-watts.js'
import { learnIdle } from './idle-fit.js'
import type { IdleFit } from './idle-fit.js'

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
  /** VMs that died with an earlier boot of it. */
  lost?: LostVm[]
  /** Since when it has said without a break that it has a VM, or lost it; by the coordinator's clock. */
  since?: Record<VmId, Ms>
  /** Latest of each meter. */
  samples: Sample[]
  /** Oldest first, of this boot, over `CPU_WINDOW_MS`. */
  cpu: CpuPoint[]
  /** What its meter teaches of its idle power. */
  idle?: IdleFit | undefined
}

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
 * The record after a report of the host's present boot, taken at `now`. A report that is older than what the record holds changes
 * nothing; a partial one is taken only on top of a full one of the same boot.
 */
export function withReport(record: HostRecord, report: Report, now: Ms = report.at): HostRecord {
  if (report.bootId !== record.bootId) return record
  const sameBoot = record.reportBoot === report.bootId
  if (sameBoot && report.seq <= record.reportSeq) return record
  if (!sameBoot && !report.full) return record
  const base = sameBoot ? record : { ...record, cpu: [], moves: [], alarms: [], samples: [], lost: [] }
  const samples = withSamples(base.samples, report.samples)
  const cpu = withCpu(base.cpu, report, samples)
  const facts = report.facts ?? base.facts
  const [domains, lost] = [report.domains ?? base.domains, report.lost ?? base.lost ?? []]
  const claimed = [...domains.map(({ uuid }) => uuid), ...lost.map(({ vm }) => vm)]
  return {
    ...base,
    reportBoot: report.bootId,
    reportSeq: report.seq,
    lastReportAt: report.at,
    facts,
    domains,
    findings: report.findings ?? base.findings,
    lost,
    since: Object.fromEntries(claimed.map(vm => [vm, record.since?.[vm] ?? now])),
    moves: report.moves,
    alarms: withAlarms(report.full ? [] : base.alarms, report.alarms),
    samples,
    cpu,
    idle: withIdle(base.idle, cpu, facts?.cpus),
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

function withCpu(before: readonly CpuPoint[], report: Report, samples: readonly Sample[]): CpuPoint[] {
  if (Object.keys(report.cpuS).length === 0) return [...before]
  const last = before.at(-1)
  const powerW = hostWatts(samples, report.samples, report.at)
  const point: CpuPoint = { at: report.at, cpuS: report.cpuS, powerW }
  if (last && report.at < last.at) return [point]
  const kept = before.filter(earlier => earlier.at >= report.at - CPU_WINDOW_MS)
  if (last && report.at - last.at < CPU_STEP_MS) kept.pop()
  return [...kept, point]
}

function withIdle(
  before: IdleFit | undefined,
  points: readonly CpuPoint[],
  cpus: number | undefined,
): IdleFit | undefined {
  const window = cpus === undefined ? undefined : cpuWindow(points)
  if (window?.meteredW === undefined) return before
  const busy = window.busyS / (window.spanS * (cpus as number))
  return learnIdle(before, window.end, busy, window.meteredW)
}
