import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import { faultCases } from '../faults/cases.js'
import type { FaultCase } from '../faults/cases.js'
import { when } from '../faults/when.js'
import type { Armed } from '../faults/when.js'
import type { Host } from '../host.js'
import type { Lab } from '../lab.js'
import { leftovers, migrationProcesses, whereRuns } from '../leftovers.js'
import { say } from '../say.js'
import type { SuiteOptions } from '../suite.js'
import { until } from '../until.js'
import { WatchedGuest } from '../watched-guest.js'

/**
 * A fault strikes a move at a record of its journal, and heals: exactly one VM runs, with its uuid, mac and config, has
 * lost no write, and nothing is left over. After each case the two hosts go on as they are: what a case left behind
 * would spoil the next. The hosts come back from the snapshot when one had to crash, or a case failed.
 *
 * Options: --only TEXT cases with TEXT in their name, --short the third that a second release of Xen is shown.
 */
export async function run(lab: Lab, options: SuiteOptions): Promise<Record<string, unknown>> {
  const cases = faultCases.filter(
    one => one.name.includes(options['only'] ?? '') && (!options['short'] || one.short),
  )
  const outcomes: Record<string, string> = {}
  const failed: Record<string, string> = {}
  const total = { doubled: 0, lost: 0, writesLost: 0, leftovers: 0 }
  let stage: Stage | undefined
  for (const [index, one] of cases.entries()) {
    say(`case ${index + 1} of ${cases.length}: ${one.name}`)
    try {
      stage ??= await Stage.set(lab, index > 0)
      outcomes[one.name] = await stage.play(one)
      say(`${one.name}: ${outcomes[one.name]}`)
    } catch (error) {
      failed[one.name] = error instanceof Error ? error.message : String(error)
      say(`FAILED ${one.name}: ${failed[one.name]}`)
    }
    if (one.name in failed || one.reboots) {
      add(total, await stage?.count())
      stage = undefined
    }
  }
  add(total, await stage?.count())
  const result = { cases: cases.length, ...total, outcomes, failed }
  if (Object.keys(failed).length > 0 || Object.values(total).some(n => n > 0))
    throw new LabError(JSON.stringify(result))
  return result
}

type Count = Record<'doubled' | 'lost' | 'writesLost' | 'leftovers', number>

function add(total: Count, count: Count | undefined): void {
  for (const key of Object.keys(total) as (keyof Count)[]) total[key] += count?.[key] ?? 0
}

/** A guest on two hosts, and how many faults it has lived through. */
class Stage {
  #at: Host

  private constructor(
    readonly lab: Lab,
    readonly plane: ControlPlane,
    readonly guest: WatchedGuest,
    readonly identity: string,
  ) {
    this.#at = lab.host('A')
  }

  static async set(lab: Lab, again: boolean): Promise<Stage> {
    if (again) await lab.reset()
    const plane = await ControlPlane.up(lab, { mode: 'observe' })
    const guest = await WatchedGuest.start(lab, lab.host('A'), { memoryMiB: 128 })
    await plane.vmIs(guest.spec.name, lab.host('A'))
    return new Stage(lab, plane, guest, await identityOf(lab.host('A'), guest.spec.name))
  }

  /** @returns how the move ended. @throws LabError if anything is not as it must be afterwards */
  async play(one: FaultCase): Promise<string> {
    const { lab, plane, guest } = this
    const [from, to] = [this.#at, this.#at.name === 'A' ? lab.host('B') : lab.host('A')]
    const trap = await this.#arm(one, from, to)
    await plane.ask('migrate', guest.spec.name, hostId(to), '--reason', one.name)
    await trap?.struck
    await one.strike?.(plane)
    if (one.heal && one.point !== 'granted') {
      await new Promise(resolve => setTimeout(resolve, one.heal!.afterMs))
      await (one.point.role === 'source' ? from : to).must(one.heal.command)
    }
    if (one.reboots) await to.ready(300_000)
    if (!plane.coordinatorLives()) {
      await until('the move to end without the coordinator', 600_000, () => this.#settled(), 3_000)
      await plane.startCoordinator()
    }
    await plane.connected()
    await until('the move to end', 600_000, () => this.#ended(), 3_000)
    await until('nothing to be under way on the hosts', 300_000, () => this.#settled(), 3_000)
    return await this.#judge(to)
  }

  async #arm(one: FaultCase, from: Host, to: Host): Promise<Armed | undefined> {
    if (one.point === 'granted') return undefined
    const [self, other] = one.point.role === 'source' ? [from, to] : [to, from]
    return when(self, one.point, one.command?.(self, other) ?? 'true', one.reboots)
  }

  async #judge(to: Host): Promise<string> {
    const { lab, plane, guest } = this
    const { name } = guest.spec
    const runsOn = await whereRuns(lab.hosts, name)
    if (runsOn.length !== 1) throw new LabError(`${name} runs on ${runsOn.join(' and ') || 'no host'}`)
    this.#at = lab.host(runsOn[0]!)
    await plane.vmIs(name, this.#at)
    await guest.writesOn()
    const identity = await identityOf(this.#at, name)
    if (identity !== this.identity) throw new LabError(`${name} is ${identity}, it was ${this.identity}`)
    // The operator's own login at A stays there; at B Heliotrope logs in and out.
    const left = await leftovers(lab.hosts, {
      A: { sessions: 1, guests: [name] },
      B: { sessions: this.#at.name === 'B' ? 1 : 0, guests: [name] },
    })
    if (left.total > 0) throw new LabError(`left over: ${JSON.stringify(left)}`)
    return this.#at === to ? 'moved' : 'stayed'
  }

  /** Ends the guest and counts, over all cases since it began. Nothing is thrown: a failed case has said why. */
  async count(): Promise<Count> {
    const none: Count = { doubled: 0, lost: 0, writesLost: 0, leftovers: 0 }
    const runsOn = await whereRuns(this.lab.hosts, this.guest.spec.name).catch(() => [])
    if (runsOn.length !== 1)
      return { ...none, doubled: runsOn.length > 1 ? 1 : 0, lost: runsOn.length ? 0 : 1 }
    const { verdict, left } = await this.guest.finish(this.lab.host(runsOn[0]!), { A: { sessions: 1 } })
    await this.plane.down()
    return { ...none, writesLost: verdict.diskWritesLost + verdict.wentBack, leftovers: left.total }
  }

  async #ended(): Promise<true | undefined> {
    const { moves } = await this.plane.ask<{ moves: unknown[] }>('status')
    return moves.length === 0 ? true : undefined
  }

  async #settled(): Promise<true | undefined> {
    for (const host of this.lab.hosts)
      if ((await host.must(migrationProcesses)).trim() !== '') return undefined
    return true
  }
}

/** What must not change: uuid, mac, memory, CPUs, kernel and disk, as libxl holds them. */
async function identityOf(host: Host, name: string): Promise<string> {
  const all = JSON.parse(await host.must(`xl list -l ${name}`)) as { config: LibxlConfig }[]
  const { c_info, b_info, disks, nics } = all[0]!.config
  return JSON.stringify({
    uuid: c_info.uuid,
    type: c_info.type,
    memory: b_info.max_memkb,
    vcpus: b_info.max_vcpus,
    macs: nics.map(nic => nic.mac),
    disks: disks.map(disk => `${disk.vdev}=${disk.pdev_path}`),
  })
}

interface LibxlConfig {
  c_info: { uuid: string; type: string }
  b_info: { max_memkb: number; max_vcpus: number }
  disks: { vdev: string; pdev_path: string }[]
  nics: { mac: string }[]
}
