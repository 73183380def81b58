/** Decides what goes into a report: everything once per connection, afterwards what changed since the last one. */
import { canonical } from '@heliotrope/shared'
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
} from '@heliotrope/shared'

/** What the agent knows now. */
export interface Known {
  at: Ms
  /** Absent while the hypervisor cannot be read. */
  facts: HostFacts | undefined
  domains: Domain[] | undefined
  cpuS: Record<string, number>
  /** Taken since the last report. */
  samples: Sample[]
  moves: MoveProgress[]
  alarms: Alarm[]
  findings: Finding[] | undefined
  lost: LostVm[]
}

export class ReportBuilder {
  readonly #who: { host: HostId; site: SiteId; bootId: string }
  #full = true
  #facts = ''
  #domains = ''
  #findings = ''
  #moves = ''
  #lost = '[]'
  /** By key: the text of the last alarm told. */
  #alarms = new Map<string, string>()

  constructor(who: { host: HostId; site: SiteId; bootId: string }) {
    this.#who = who
  }

  /** The next report is complete, and so are all until one is built. */
  reset(): void {
    this.#full = true
  }

  /** True if something other than samples and CPU time differs from the last report. */
  changed(known: Known): boolean {
    return (
      this.#full ||
      (known.domains !== undefined && domainsText(known.domains) !== this.#domains) ||
      canonical(known.moves) !== this.#moves ||
      canonical(known.lost) !== this.#lost ||
      this.#newAlarms(known.alarms).length > 0
    )
  }

  build(known: Known): Omit<Report, 'seq'> {
    const full = this.#full && known.facts !== undefined && known.domains !== undefined
    const facts = known.facts && canonical(known.facts)
    const domains = known.domains && domainsText(known.domains)
    const findings = known.findings && canonical(known.findings)
    const lost = canonical(known.lost)
    const alarms = full ? known.alarms : this.#newAlarms(known.alarms)
    const report: Omit<Report, 'seq'> = {
      ...this.#who,
      at: Math.round(known.at),
      full,
      ...(known.facts && (full || facts !== this.#facts) ? { facts: known.facts } : {}),
      ...(known.domains && (full || domains !== this.#domains) ? { domains: known.domains } : {}),
      samples: known.samples,
      cpuS: known.cpuS,
      moves: known.moves,
      alarms: alarms.slice(0, 500),
      ...(known.findings && (full || findings !== this.#findings) ? { findings: known.findings } : {}),
      ...(full || lost !== this.#lost ? { lost: known.lost } : {}),
    }
    if (full) this.#full = false
    this.#facts = facts ?? this.#facts
    this.#domains = domains ?? this.#domains
    this.#findings = findings ?? this.#findings
    this.#moves = canonical(known.moves)
    this.#lost = lost
    this.#alarms = new Map(known.alarms.map(alarm => [alarm.key, alarmText(alarm)]))
    return report
  }

  #newAlarms(alarms: readonly Alarm[]): Alarm[] {
    return alarms.filter(alarm => this.#alarms.get(alarm.key) !== alarmText(alarm))
  }
}

/** CPU time always changes and travels by itself; it makes no domain a changed one. */
const domainsText = (domains: readonly Domain[]): string =>
  canonical(domains.map(domain => ({ ...domain, cpuS: 0 })))

const alarmText = (alarm: Alarm): string => `${alarm.state} ${alarm.text}`
