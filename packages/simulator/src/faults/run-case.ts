/** Plays one case to its end and says what became of it. */
import { createHash } from 'node:crypto'
import { canonical, memoryLog, MINUTE, SECOND, seededRng, silentLog, verifyChain } from '@heliotrope/shared'
import type { HostId, LogLine, Ms } from '@heliotrope/shared'
import { configOf } from '../world/vm-config.js'
import { seedFor } from '../world/noise.js'
import {
  guestOf,
  isAlone,
  isBoot,
  isHostile,
  isRegular,
  isSecondTry,
  isStandby,
  isUnwatched,
} from './case.js'
import type { FaultCase, Plot } from './case.js'
import { A, B, FaultFleet, VM } from './fault-fleet.js'
import type { Sizes } from './fault-fleet.js'
import type { Injection, PointSeen } from './points.js'
import type { Violation } from './watch.js'

export interface CaseResult {
  violations: Violation[]
  /** How it ended; `stuck` after generous time with everything healed; `lost`: it runs nowhere, and waits for an order. */
  end: 'runs' | 'off' | 'lost' | 'stuck'
  /** How often it was started from its disk. */
  coldBoots: number
  /** What an operator is told. */
  remedies: string[]
  /** Where the VM is. */
  at: HostId | undefined
  /** Of all that happened: the same case gives the same. */
  hash: string
  story: string[]
  points: readonly PointSeen[]
  /** Injections whose place came. */
  hits: number
  virtualMs: Ms
}

const STEP_MS: Ms = 500
/** From the last heal, or the last order, to the end of everything. */
const PATIENCE_MS: Ms = 20 * MINUTE
/** How long the VM may stand still with nobody saying so. */
const SILENT_MS: Ms = 4 * MINUTE
/** After everything is closed: what comes late shows. */
const AFTERMATH_MS: Ms = 5 * SECOND

/** @param told with the lines of all logs in the story */
export async function runCase(which: FaultCase, told = false): Promise<CaseResult> {
  const story: string[] = []
  const hash = createHash('sha256')
  const lines: LogLine[] = []
  const teller = (line: string): void => {
    for (const { level, message, fields } of lines.splice(0))
      if (level !== 'debug') story.push(`              ${level} ${message} ${JSON.stringify(fields)}`)
    story.push(line)
    hash.update(line)
  }
  const log = told ? memoryLog(lines) : silentLog
  const faults = [...ownFaults(which.plot), ...which.faults]
  const { plot, seed } = which
  const fleet = new FaultFleet({
    seed,
    sizes: sizesOf(seed),
    regular: isRegular(plot),
    hostile: isHostile(plot),
    standby: isStandby(plot),
    ...(isUnwatched(plot) && { xenVersion: '4.17.5' }),
    ...(plot === 'guest-crash' && { onCrash: 'restart' }),
    faults,
    log,
    tell: teller,
  })
  try {
    return await new Play(fleet, which).run(story, () => hash.digest('hex'))
  } finally {
    fleet.stop()
  }
}

/** What goes wrong in a plot by itself. */
function ownFaults(plot: Plot): readonly Injection[] {
  if (isUnwatched(plot)) {
    const guest = guestOf(plot)
    return [
      { phase: 'after', point: 'target@b READY #1', what: 'kill target-mover' },
      ...(guest ? [{ phase: 'after' as const, point: guestPoints[guest]!, what: `guest ${guest}` }] : []),
    ]
  }
  if (isSecondTry(plot)) return [{ phase: 'after', point: 'target@b start #1', what: 'kill target-mover' }]
  if (isStandby(plot)) return [{ phase: 'after', point: 'coordinator GRANTED #1', what: 'standby b' }]
  const point = 'source@a PREPARED #1'
  return [
    ...(isBoot(plot) ? [{ phase: 'after' as const, point, what: 'power a' }] : []),
    ...(isAlone(plot) ? [{ phase: 'after' as const, point, what: 'coordinator away' }] : []),
    ...(isHostile(plot) ? hostility : []),
  ]
}

/** Where the guest of an unwatched VM ends: between the moves, before and in the copy of the second. */
const guestPoints: Record<string, string> = {
  poweroff: 'source@a CLEAN #1',
  reboot: 'source@a PREPARED #2',
  crash: 'target@b start #2',
}

/** It lies before the source has said anything, and again while only the coordinator can pass on what that says. */
const hostility: readonly Injection[] = [
  { phase: 'after', point: 'coordinator STARTED #1', what: 'forge' },
  { phase: 'after', point: 'source@a COMMIT #1', what: 'cut ab' },
  { phase: 'after', point: 'source@a COMMIT #1', what: 'forge' },
]

/** Seed 0 is the plain one. */
function sizesOf(seed: number): Sizes {
  if (seed === 0) return { delayMs: 20, memoryMiB: 64, dirtyMiBps: 4, linkBps: 100e6, actMs: 0, fenced: true }
  const rng = seededRng(seedFor(seed, 'sizes'))
  const pick = <T>(of: readonly T[]): T => of[Math.floor(rng.fraction() * of.length)] as T
  return {
    delayMs: pick([1, 20, 75, 300]),
    memoryMiB: pick([32, 64, 256, 1024]),
    dirtyMiBps: pick([0, 4, 40]),
    linkBps: pick([10e6, 100e6]),
    actMs: pick([0, 50, 1_000]),
    fenced: pick([true, false]),
  }
}

class Play {
  readonly #fleet: FaultFleet
  readonly #legs: readonly HostId[]
  readonly #regular: boolean
  #leg = 0
  #stillSince: Ms | undefined

  constructor(fleet: FaultFleet, { plot }: FaultCase) {
    this.#fleet = fleet
    this.#regular = isRegular(plot)
    this.#legs = plot === 'there-and-back' ? [B, A] : isSecondTry(plot) ? [B, B] : [B]
  }

  async run(story: string[], hash: () => string): Promise<CaseResult> {
    const fleet = this.#fleet
    const { clock, points, watch, world } = fleet
    fleet.start()
    await clock.advance(3 * SECOND)
    points.after(points.reach('act', 'start'))
    let deadline = clock.mono() + PATIENCE_MS
    let ended = false
    while (!ended && watch.violations.length === 0) {
      this.#order()
      if (this.#ended()) {
        await clock.advance(AFTERMATH_MS)
        // A fault may still come, at a point that was reached late.
        ended = this.#ended()
      }
      const healed = clock.mono() >= fleet.healedAt
      if (!healed) deadline = clock.mono() + PATIENCE_MS
      else if (clock.mono() > deadline) break
      if (!ended) await clock.advance(STEP_MS)
      world.tick()
      watch.look()
      this.#frozen()
    }
    const end = watch.violations.length > 0 ? 'stuck' : this.#end(this.#closed())
    const remedies = this.#alarms()
    return {
      violations: watch.violations,
      end,
      coldBoots: watch.coldBoots,
      remedies,
      at: world.running(VM)?.host.spec.id,
      hash: hash(),
      story,
      points: points.seen,
      hits: points.hits,
      virtualMs: clock.mono(),
    }
  }

  #ended(): boolean {
    const { clock, healedAt } = this.#fleet
    const ordered = this.#leg >= this.#legs.length
    return clock.mono() >= healedAt && ordered && this.#closed() && !this.#lost() && !this.#ending()
  }

  /** The operator orders the next move as soon as it is taken. */
  #order(): void {
    const fleet = this.#fleet
    const to = this.#legs[this.#leg]
    const sagas = fleet.coordinator.coordinator?.sagas
    if (to === undefined || !sagas || sagas.open().length > 0) return
    const running = fleet.world.running(VM)
    // A VM that is off, lost or suspended by hand is not moved, nor one that is there.
    if (running?.host.spec.id === to || (!running && fleet.clock.mono() > fleet.healedAt + 5 * MINUTE))
      return void this.#leg++
    try {
      const reason = [{ by: 'fault run', why: 'by hand', at: fleet.clock.wall() }]
      sagas.request({ vm: VM, to, reason, regular: this.#regular })
      this.#leg++
    } catch {
      // Refused for now, or the coordinator has just died: whoever wants it asks again.
      if (fleet.clock.mono() > Math.max(fleet.healedAt, 0) + 10 * MINUTE) this.#leg++
    }
  }

  #closed(): boolean {
    const { coordinator, hosts } = this.#fleet
    const { sagas, lostAndFound } = coordinator.coordinator ?? {}
    if (!sagas || !lostAndFound || sagas.open().length + lostAndFound.boots.open().length > 0) return false
    return [...hosts.values()].every(
      ({ journal, movers, agent, host }) =>
        agent !== undefined &&
        host.power === 'on' &&
        !journal.unreadable &&
        movers.length === 0 &&
        journal.streams('source/', 'open').length + journal.streams('target/', 'open').length === 0,
    )
  }

  /** It is nowhere, and its guest did not want it so. */
  #lost(): boolean {
    const { world } = this.#fleet
    const did = world.guestDid?.event
    const restarts = world.spec.vms[0]!.onCrash === 'restart'
    return world.copies(VM).length === 0 && did !== 'poweroff' && (did !== 'crash' || restarts)
  }

  /** The guest has ended, and what its config says of that has not been done. */
  #ending(): boolean {
    return this.#fleet.world
      .copies(VM)
      .some(({ domain: { state, config } }) =>
        state === 'crashed' ? config.onCrash === 'restart' : state === 'poweroff' || state === 'reboot',
      )
  }

  /** An agent or a host died while it ended the VM's old domain to start it anew: nobody starts it from that record alone. */
  #cutShort(): boolean {
    return [...this.#fleet.hosts.values()].some(
      ({ journal }) => !journal.unreadable && journal.read(`ended/${VM}`).at(-1)?.kind === 'RESTART',
    )
  }

  /** The power went before anybody could see that the guest had ended: whoever starts it again could not know. */
  #unseen(): boolean {
    const { hosts, watch, world } = this.#fleet
    const { guestDid: did } = world
    const node = did?.event === 'poweroff' ? hosts.get(did.host) : undefined
    if (!did || !node || !(watch.memoryDied || node.host.bootId !== did.bootId)) return false
    return !node.journal
      .read(`vm/${VM}`)
      .some(
        ({ kind, body }) =>
          (kind === 'VANISHED' || kind === 'GONE') && (body as { bootId: string }).bootId === did.bootId,
      )
  }

  #alarms(): string[] {
    const { coordinator, hosts } = this.#fleet
    const all = [...coordinator.alarms(), ...[...hosts.values()].flatMap(host => host.alarms())]
    return all
      .filter(alarm => !('state' in alarm) || alarm.state === 'raised')
      .filter(({ remedy }) => remedy !== '')
      .map(({ text, remedy }) => `${text} [${remedy}]`)
  }

  /** I10: a VM that stands still for long is spoken of. While an agent is down nobody can. */
  #frozen(): void {
    const { clock, coordinator, hosts, watch, world } = this.#fleet
    const speechless =
      !coordinator.coordinator ||
      [...hosts.values()].some(host => host.agent === undefined) ||
      clock.mono() < this.#fleet.healedAt
    if (world.running(VM) || watch.memoryDied || world.guestDid || speechless) {
      this.#stillSince = undefined
      return
    }
    this.#stillSince ??= clock.mono()
    if (clock.mono() - this.#stillSince < SILENT_MS || this.#alarms().length > 0) return
    watch.fail('I10', `the VM has stood still for ${SILENT_MS / MINUTE} min and nobody says so`)
  }

  /** What is there when all is over (I6, I13, I15). */
  #end(closed: boolean): CaseResult['end'] {
    const { coordinator, hosts, peers, watch, world } = this.#fleet
    if (!closed) return 'stuck'
    const copies = world.copies(VM)
    const did = world.guestDid?.event
    const spec = world.spec.vms[0]!
    const restarts = did === 'reboot' || (did === 'crash' && spec.onCrash === 'restart')
    const wanted =
      did === 'crash' && !restarts ? 'crashed' : did === 'foreign-suspend' ? 'suspended' : 'running'
    const nowhere = copies.length === 0
    for (const [id, { journal }] of [...hosts, ['coordinator', coordinator] as const]) {
      const fault = verifyChain(journal.scan(1, 100_000))
      if (fault) watch.fail('I15', `the journal of ${id} is no chain: ${fault.what}`)
    }
    for (const { host } of hosts.values())
      if (host.xls.size > 0) watch.fail('I6', `an xl is left on ${host.spec.id}`)
    if (peers.open > 0) watch.fail('I6', 'a mover still listens')
    if (watch.coldBoots > 0 && !watch.memoryDied && !watch.startedByOrder && !this.#unseen())
      watch.fail('I3', 'the VM was started anew, and no power cut had taken its memory')
    const [only] = copies
    if (copies.length > 1) watch.fail('I6', `${copies.length} domains are left`)
    else if (nowhere && !watch.memoryDied && did !== 'poweroff' && !this.#cutShort())
      watch.fail('I6', 'the VM is nowhere, and no power cut took it')
    else if (only) {
      const { domain, host } = only
      if (did === 'poweroff' && !watch.startedByOrder && !this.#unseen())
        watch.fail('I13', 'the guest powered off, and is there again')
      if (domain.state !== wanted && !watch.memoryDied) watch.fail('I6', `the VM is ${domain.state}`)
      if (domain.name !== spec.name) watch.fail('I6', `the VM is named ${domain.name}`)
      if (canonical(domain.config) !== canonical(configOf(spec))) watch.fail('I6', 'the config has changed')
      if (restarts && world.boots !== 2 && !watch.memoryDied)
        watch.fail('I13', `ended once, to be made again, and made ${world.boots} times`)
      for (const disk of domain.config.disks)
        for (const other of world.disks.reservations.hosts(disk))
          if (other !== host.spec.id) watch.fail('I6', `a key of ${other} is left at the disk`)
      for (const disk of domain.config.disks)
        for (const other of hosts.keys())
          if (world.disks.attached(other, disk) !== (other === host.spec.id))
            watch.fail(
              'I6',
              `the disk is ${other === host.spec.id ? 'not attached on' : 'left attached on'} ${other}`,
            )
    }
    if (nowhere) return this.#lost() ? 'lost' : 'off'
    return only?.domain.state === 'running' ? 'runs' : 'off'
  }
}
