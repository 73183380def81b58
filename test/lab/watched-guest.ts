import { verifyDisk } from './disk-records.js'
import { LabError } from './errors.js'
import { counter, guestSpec, startGuest, waitHttp } from './guest.js'
import type { GuestSpec } from './guest.js'
import type { Host } from './host.js'
import { login } from './iscsi.js'
import type { Target } from './iscsi.js'
import type { Lab } from './lab.js'
import { leftovers, whereRuns } from './leftovers.js'
import type { Leftovers } from './leftovers.js'
import { HttpProbe, PingProbe } from './probe.js'
import { say } from './say.js'
import { until } from './until.js'

export interface Verdict {
  writes: number
  wentBack: number
  diskWritesLost: number
  httpAsked: number
  httpAnswered: number
  /** On how many hosts the guest ran at the end. */
  runningOn: number
  leftovers: number
}

/** A guest with an iSCSI disk that is pinged, asked by HTTP, and writes all the time; judged when it is over. */
export class WatchedGuest {
  private constructor(
    readonly lab: Lab,
    readonly spec: GuestSpec,
    readonly target: Target,
    readonly ping: PingProbe,
    readonly http: HttpProbe,
  ) {}

  static async start(lab: Lab, host: Host, more: Partial<GuestSpec> = {}, n = 1): Promise<WatchedGuest> {
    const target = await lab.iscsi.add(`vm${n}`)
    // The operator starts the VM where its disk is: from then on the agents log in and out.
    await login(host, target)
    const spec = guestSpec(n, { disk: target.path, ...more })
    await startGuest(host, spec)
    await waitHttp(spec)
    await until('the first write', 60_000, () => counter(spec))
    say(`${spec.name} runs on ${host.name} and writes`)
    return new WatchedGuest(lab, spec, target, new PingProbe(spec.address), new HttpProbe(spec))
  }

  /** Waits until the guest answers again, and returns the longest silence since `from` (Unix ms). */
  async silenceMs(from: number): Promise<number> {
    await until(`a ping of ${this.spec.name} after the move`, 120_000, () =>
      (this.ping.lastAnswerMs ?? 0) > Date.now() - 500 ? true : undefined,
    )
    return this.ping.longestGapMs(from, Date.now())
  }

  /** @throws LabError unless the guest is on that host and nowhere else, under its own name */
  async mustBeOn(host: Host): Promise<void> {
    const runsOn = await whereRuns(this.lab.hosts, this.spec.name)
    if (runsOn.join() !== host.name)
      throw new LabError(`${this.spec.name} is on ${runsOn.join(' and ') || 'no host'}, not on ${host.name}`)
  }

  /** Waits for some more writes: a disk that went read-only would stop the counter. */
  async writesOn(): Promise<void> {
    const before = await counter(this.spec)
    await until(
      'more writes',
      120_000,
      async () => ((await counter(this.spec)) ?? 0) > (before ?? 0) + 2 || undefined,
    )
  }

  /** Asks it no more. */
  async quiet(): Promise<void> {
    await Promise.all([this.ping.stop(), this.http.stop()])
  }

  /** Ends the guest, takes its disk away, and judges. What Heliotrope left behind counts; what we clean up does not. */
  async finish(
    at: Host,
    expected: Parameters<typeof leftovers>[1] = {},
  ): Promise<{ verdict: Verdict; left: Leftovers }> {
    await this.writesOn()
    await this.quiet()
    const runningOn = (await whereRuns(this.lab.hosts, this.spec.name)).length
    const left = await leftovers(this.lab.hosts, {
      ...expected,
      [at.name]: { guests: [this.spec.name], sessions: 1 },
    })
    await at.must(`xl destroy ${this.spec.name}`)
    const { lost, highest } = verifyDisk(this.target.file, this.http.acked)
    const node = `iscsiadm -m node -T ${this.target.iqn}`
    await at.ssh(`${node} --logout; ${node} -o delete`)
    await this.lab.iscsi.remove(this.target)
    const verdict: Verdict = {
      writes: highest,
      wentBack: this.http.wentBack,
      diskWritesLost: lost,
      httpAsked: this.http.asked,
      httpAnswered: this.http.answered,
      runningOn,
      leftovers: left.total,
    }
    return { verdict, left }
  }
}

/** @throws LabError unless one VM runs, nothing was lost and nothing is left */
export function mustBeWhole(result: object, verdict: Verdict, left: Leftovers): void {
  const whole =
    verdict.diskWritesLost === 0 &&
    verdict.wentBack === 0 &&
    verdict.leftovers === 0 &&
    verdict.runningOn === 1
  if (!whole) throw new LabError(JSON.stringify({ ...result, left }))
}
