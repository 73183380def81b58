import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import type { Host } from '../host.js'
import { httpGet } from '../http.js'
import type { Lab } from '../lab.js'
import { leftovers, migrationProcesses, whereRuns } from '../leftovers.js'
import { say } from '../say.js'
import { until } from '../until.js'
import { WatchedGuest } from '../watched-guest.js'
import type { FaultCase } from './cases.js'
import { identityOf } from './identity.js'
import { storyOf } from './story.js'
import { when } from './when.js'
import type { Armed } from './when.js'

/** Both hosts with agents that have joined, and no guest: where every case begins. */
const joined = 'joined'

const moveEndsMs = 420_000
/** How long a coordinator that died stays away when nothing can end without it. */
const awayMs = 20_000
/** A cold boot of two hosts beside each other. */
const bootMs = 300_000
/** From there until the agents are up, have found out what died, and the VM is started by grant. */
const againMs = 300_000
/** A VM that was started twice would be so soon. */
const onceMs = 20_000

export type Count = Record<'doubled' | 'lost' | 'writesLost' | 'leftovers', number>
export const nothing: Count = { doubled: 0, lost: 0, writesLost: 0, leftovers: 0 }

interface Alarm {
  key: string
  text: string
}

/** A guest on two hosts, for one fault. */
export class Stage {
  #move: string | undefined

  private constructor(
    readonly lab: Lab,
    readonly plane: ControlPlane,
    readonly guest: WatchedGuest,
    readonly identity: string,
    /** Of the guest's kernel: another one means that its memory was lost. */
    readonly boot: string,
  ) {}

  /** Makes the snapshot that `set` comes back to. */
  static async prepare(lab: Lab): Promise<ControlPlane> {
    const plane = await ControlPlane.up(lab, { mode: 'observe' })
    await plane.keep(joined)
    return plane
  }

  static async set(lab: Lab, plane: ControlPlane): Promise<Stage> {
    const a = lab.host('A')
    await plane.bringBack(joined)
    const guest = await WatchedGuest.start(lab, a, { memoryMiB: 128 })
    await plane.connected()
    await plane.vmIs(guest.spec.name, a)
    return new Stage(lab, plane, guest, await identityOf(a, guest.spec.name), await bootOf(guest))
  }

  /** @returns how it ended: moved or stayed, and whether it had to boot. @throws LabError if anything is not as it must be */
  async play(one: FaultCase): Promise<string> {
    const { lab, plane } = this
    const [from, to] = [lab.host('A'), lab.host('B')]
    const self = one.point.role === 'target' ? to : from
    const cuts = (one.powerCut ?? []).map(role => (role === 'source' ? from : to))
    const trap = await this.#arm(one, self, self === from ? to : from)
    if (one.point.record !== 'rest') this.#move = await this.#order(to, one.name)
    const after = await trap?.struck
    if (after !== undefined) say(`it struck after ${after}`)
    // Both at once, as when a site goes dark.
    await Promise.all([
      ...cuts.map(host => host.powerCut()),
      ...(one.killsCoordinator ? [plane.killCoordinator()] : []),
    ])
    for (const { afterMs, command, role } of one.heals ?? []) {
      await new Promise(resolve => setTimeout(resolve, afterMs))
      await (role === 'source' ? from : to).must(command)
    }
    await Promise.all(cuts.map(host => host.boot(bootMs)))
    await this.#healed(one)
    return this.#judge(one, to)
  }

  /** A readable account of the case, for one that failed. */
  story(): Promise<string> {
    return storyOf(this.plane, this.#move)
  }

  /** Ends the guest and counts. Nothing is thrown: a failed case has said why. */
  async count(): Promise<Count> {
    const runsOn = await whereRuns(this.lab.hosts, this.guest.spec.name).catch(() => [])
    if (runsOn.length !== 1) {
      await this.guest.quiet()
      return { ...nothing, doubled: runsOn.length > 1 ? 1 : 0, lost: runsOn.length ? 0 : 1 }
    }
    try {
      const { verdict, left } = await this.guest.finish(this.lab.host(runsOn[0]!), { A: { sessions: 1 } })
      return { ...nothing, writesLost: verdict.diskWritesLost + verdict.wentBack, leftovers: left.total }
    } catch {
      await this.guest.quiet()
      return nothing
    }
  }

  async #order(to: Host, why: string): Promise<string> {
    const { plane, guest } = this
    const { move } = await plane.ask<{ move: string }>(
      'migrate',
      guest.spec.name,
      hostId(to),
      '--reason',
      why,
    )
    return move
  }

  async #arm(one: FaultCase, self: Host, other: Host): Promise<Armed | undefined> {
    if (one.point.record === 'granted' || one.point.record === 'rest') return undefined
    const ends = one.powerCut?.includes(one.point.role) ?? false
    return when(self, one.point, one.command?.(self, other) ?? 'true', ends)
  }

  /** Waits until all that will happen has happened. */
  async #healed(one: FaultCase): Promise<void> {
    const { plane } = this
    if (!plane.coordinatorLives()) {
      if (one.needsCoordinator) await new Promise(resolve => setTimeout(resolve, awayMs))
      else await until('the move to end without the coordinator', moveEndsMs, () => this.#settled(), 3_000)
      if (one.bootsAlone)
        await until('the VM to run again without the coordinator', againMs, () => this.#answers(), 3_000)
      await plane.startCoordinator()
    }
    await plane.connected()
    await until('the move to end', moveEndsMs, () => this.#ended(), 3_000)
    if (one.mayBoot) await until('the VM to run again', againMs, () => this.#answers(), 3_000)
    await until('nothing to be under way on the hosts', moveEndsMs, () => this.#settled(), 3_000)
  }

  async #judge(one: FaultCase, to: Host): Promise<string> {
    const { lab, plane, guest } = this
    const { name } = guest.spec
    const runsOn = await whereRuns(lab.hosts, name)
    if (runsOn.length !== 1) throw new LabError(`${name} runs on ${runsOn.join(' and ') || 'no host'}`)
    const at = lab.host(runsOn[0]!)
    await plane.vmIs(name, at)
    await guest.writesOn()
    const identity = await identityOf(at, name)
    if (identity !== this.identity) throw new LabError(`${name} is ${identity}, it was ${this.identity}`)
    // The operator's own login at A stays there; at B Heliotrope logs in and out.
    const left = await leftovers(lab.hosts, {
      A: { sessions: 1, guests: [name] },
      B: { sessions: at === to ? 1 : 0, guests: [name] },
    })
    if (left.total > 0) throw new LabError(`left over: ${JSON.stringify(left)}`)
    const twice = (await this.#alarms()).find(alarm => alarm.key.startsWith('running-twice/'))
    if (twice) throw new LabError(`an alarm said: ${twice.text}`)
    const ended = at === to ? 'moved' : 'stayed'
    if (one.expect !== undefined && one.expect !== ended) throw new LabError(`it ${ended}, not ${one.expect}`)
    const boot = await bootOf(guest)
    if (boot === this.boot) return ended
    if (!one.mayBoot) throw new LabError(`${name} has lost its memory: it booted anew`)
    await new Promise(resolve => setTimeout(resolve, onceMs))
    const after = [await bootOf(guest), ...(await whereRuns(lab.hosts, name))].join()
    if (after !== `${boot},${at.name}`) throw new LabError(`${name} was started more than once: ${after}`)
    return `${ended}, and booted from its disk`
  }

  /** All that were ever raised. */
  #alarms(): Promise<Alarm[]> {
    return this.plane.ask('alarms', '--all')
  }

  async #ended(): Promise<true | undefined> {
    const { moves } = await this.plane.ask<{ moves: unknown[] }>('status')
    return moves.length === 0 ? true : undefined
  }

  async #answers(): Promise<true | undefined> {
    await bootOf(this.guest)
    return true
  }

  async #settled(): Promise<true | undefined> {
    for (const host of this.lab.hosts)
      if ((await host.must(migrationProcesses)).trim() !== '') return undefined
    return true
  }
}

const bootOf = (guest: WatchedGuest): Promise<string> => httpGet(`http://${guest.spec.address}/boot`)
