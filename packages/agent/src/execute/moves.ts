/**
 * The agent's part in moves: checks the order, journals it, starts the mover, and starts another one in recovery where
 * a mover is missing. It holds no state of a move: the journal does.
 */
import { checkGrant, errorChain, every, HeliotropeError, sleep } from '@heliotrope/shared'
import type {
  Alarm,
  Cancel,
  Clock,
  CommandHandlers,
  Epoch,
  Grant,
  GrantBody,
  HostCertificate,
  HostId,
  Journal,
  Log,
  MoveId,
  MoveLimits,
  MoveProgress,
  MoveRole,
  Ms,
  VmId,
} from '@heliotrope/shared'
import type { MoveOrder } from '../mover/ports.js'
import type { AgentPart, Kernel } from '../parts.js'
import { inboxOf, moveJournal, streamOf } from '../mover/records.js'
import type { SourceRecord, TargetRecord } from '../mover/records.js'
import { deliver, openMoves, requestAbort, standingOf } from '../mover/standing.js'
import { openRefusals } from '../refusals.js'
import type { Refusals } from '../refusals.js'
import { revokedKeys, trustedKeys } from '../trust/trust.js'
import type { EpochIndex } from './epochs.js'
import type { Launcher } from './launcher.js'
import type { OpenMove } from './open-move.js'

export interface MovesPorts {
  clock: Clock
  log: Log
  journal: Journal
  epochs: EpochIndex
  launcher: Launcher
  host: HostId
  /** Fingerprint of this host's key. */
  key: string
  bootId: string
  coordinatorKeys: readonly string[]
  /** Why this host takes no VM now. Default: it does. */
  closed?: () => string | undefined
  /** Where this host's movers can be reached. */
  address: string
  /** First and last port of this host's movers; one is taken by each open move to this host. */
  ports: readonly [number, number]
}

/** How long a command waits for PREPARED before it says that it cannot tell. */
const PREPARE_MS: Ms = 150_000
/** How long a cleared alarm is told. */
const CLEARED_MS: Ms = 60_000
/** How often movers are looked after. */
const TEND_MS: Ms = 2_000

/** Commands that this part carries out. */
export type MoveHandlers = Pick<
  CommandHandlers,
  'move.prepare-target' | 'move.start-source' | 'move.abort' | 'move.standing'
>

export class Moves implements AgentPart {
  readonly name = 'moves'
  readonly #ports: MovesPorts
  readonly #progress = new Map<string, MoveProgress>()
  readonly #alarms = new Map<string, Alarm>()
  readonly #launching = new Set<string>()
  /** Certificates already passed on, by stream. */
  readonly #passedOn = new Map<string, number>()
  readonly handlers: MoveHandlers
  readonly #refusals: Refusals
  #kernel: Pick<Kernel, 'changed' | 'statement'> = { changed() {}, statement() {} }
  #cancel: Cancel = () => {}

  constructor(ports: MovesPorts) {
    this.#ports = ports
    this.#refusals = openRefusals(ports.journal, ports.log, 'audit/certificates')
    this.handlers = this.#handlers()
  }

  /** Recovers what an earlier process left, and begins to watch the movers. */
  async start(kernel: Pick<Kernel, 'changed' | 'statement'>): Promise<void> {
    this.#kernel = kernel
    await this.tend()
    this.#cancel = every(this.#ports.clock, TEND_MS, () => this.tend())
  }

  stop(): Promise<void> {
    this.#cancel()
    return Promise.resolve()
  }

  epochOf(vm: VmId): Epoch {
    return this.#ports.epochs.of(vm)
  }

  /** For the report: moves that are open here. */
  progress(): MoveProgress[] {
    return [...this.#progress.values()]
  }

  alarms(): Alarm[] {
    return [...this.#alarms.values()]
  }

  /** The open move of a VM here, if there is one. */
  moveOf(vm: VmId): MoveId | undefined {
    return this.#open().find(open => open.grant.vm === vm && open.holdsVm)?.move
  }

  /** Moves that are not closed here. */
  open(): OpenMove[] {
    return this.#open().map(({ role, move, grant: { vm, epoch }, holdsVm }) => ({
      ...{ role, move, vm, epoch, holdsVm },
    }))
  }

  #handlers(): MoveHandlers {
    return {
      'move.prepare-target': async ({ grant, limits }) => {
        const { address } = this.#ports
        const port = this.#portFor(grant.body.move)
        await this.#begin('target', grant, limits, address, port)
        return { address, port }
      },
      'move.start-source': async ({ grant, limits, address, port }) => {
        await this.#begin('source', grant, limits, address, port)
        return { started: true }
      },
      'move.abort': ({ move, reason }) => {
        requestAbort(this.#ports.journal, move, reason)
        return Promise.resolve(standingOf(this.#ports.journal, move))
      },
      'move.standing': ({ move, certificates, peerClosed }) => {
        deliver(this.#ports.journal, move, certificates, peerClosed, (statement, why) =>
          this.#refused(statement, why),
        )
        return Promise.resolve(standingOf(this.#ports.journal, move))
      },
    }
  }

  #refused({ body: { kind, move, epoch, by } }: HostCertificate, why: string): void {
    this.#ports.log.warn('statement refused', { move, why })
    this.#refusals.note({ kind, move, epoch, by, why: why.slice(0, 500) })
  }

  /** One round: what does each open move's mover say; where none lives, start one in recovery. */
  async tend(): Promise<void> {
    const { clock, journal, log } = this.#ports
    this.#abortRevoked()
    const open = openMoves(journal)
    const names = new Set(open.map(({ role, move }) => streamOf(role, move)))
    for (const name of [...this.#progress.keys()])
      if (!names.has(name)) {
        this.#progress.delete(name)
        this.#kernel.changed()
      }
    for (const name of this.#passedOn.keys()) if (!names.has(name)) this.#passedOn.delete(name)
    for (const [name, alarm] of this.#alarms)
      if (alarm.state === 'cleared') {
        if (clock.wall() - alarm.at > CLEARED_MS) this.#alarms.delete(name)
      } else if (!names.has(name)) this.#clear(name, alarm)
    await Promise.all(
      open.map(({ role, move }) =>
        this.#look(role, move).catch((error: unknown) =>
          log.error('a move cannot be looked after', { role, move, error: errorChain(error) }),
        ),
      ),
    )
  }

  /** A move with a host that was revoked meanwhile is given up, where that is still this side's to say. */
  #abortRevoked(): void {
    const { journal } = this.#ports
    const open = this.#open()
    const revoked = open.length > 0 ? revokedKeys(journal) : new Set<string>()
    for (const { role, move, grant } of revoked.size > 0 ? open : []) {
      const other = role === 'source' ? grant.to : grant.from
      const asked = journal.read(inboxOf(role, move)).some(record => record.kind === 'ABORT-REQUESTED')
      if (revoked.has(other.key) && !asked) requestAbort(journal, move, `the key of ${other.host} is revoked`)
    }
  }

  async #look(role: MoveRole, move: MoveId): Promise<void> {
    const { journal, launcher, log } = this.#ports
    const name = streamOf(role, move)
    this.#passOn(name, move)
    if (this.#launching.has(name)) return
    const status = await launcher.status(role, move)
    if (status === 'starting') return
    if (status) {
      if (this.#progress.get(name)?.bytes !== status.progress.bytes) this.#kernel.changed()
      this.#progress.set(name, status.progress)
      this.#note(name, move, status.alarm)
    } else if (moveJournal(journal, role, move).last()?.kind === 'CLOSED') {
      // The mover died between its last record and the seal.
      journal.seal(name)
    } else if (!this.#launching.has(name)) {
      log.warn('a mover is missing: starting one in recovery', { role, move })
      await this.#launch(role, move, true)
    }
  }

  #passOn(name: string, move: MoveId): void {
    const { certificates } = standingOf(this.#ports.journal, move)
    const passed = this.#passedOn.get(name) ?? 0
    if (certificates.length === passed) return
    for (const certificate of certificates.slice(passed)) this.#kernel.statement(certificate)
    this.#passedOn.set(name, certificates.length)
    this.#kernel.changed()
  }

  #note(name: string, move: MoveId, alarm: { text: string; remedy: string } | undefined): void {
    const at = this.#ports.clock.wall()
    const before = this.#alarms.get(name)
    if (alarm) {
      this.#alarms.set(name, { key: `move/${move}`, state: 'raised', ...alarm, at: before?.at ?? at })
      if (before?.state !== 'raised') this.#kernel.changed()
    } else if (before?.state === 'raised') this.#clear(name, before)
  }

  #clear(name: string, alarm: Alarm): void {
    this.#alarms.set(name, { ...alarm, state: 'cleared', at: this.#ports.clock.wall() })
    this.#kernel.changed()
  }

  async #begin(
    role: MoveRole,
    grant: Grant,
    limits: MoveLimits,
    address: string,
    port: number,
  ): Promise<void> {
    const { journal } = this.#ports
    const { move } = grant.body
    if (moveJournal(journal, role, move).last() === undefined) {
      this.#admit(role, grant)
      const order: MoveOrder = { role, grant, limits, address, port }
      moveJournal<SourceRecord | TargetRecord>(journal, role, move).append('ORDERED', { order })
      await this.#launch(role, move, false)
    }
    await this.#prepared(role, move)
  }

  /** What must hold before an order is journalled. @throws unauthorised | superseded | conflict | refused */
  #admit(role: MoveRole, grant: Grant): void {
    const { bootId, clock, coordinatorKeys, epochs, host, journal, key } = this.#ports
    const body = checkGrant(grant, trustedKeys(journal, coordinatorKeys))
    const side = role === 'source' ? body.from : body.to
    const fail = (code: 'unauthorised' | 'superseded' | 'conflict' | 'refused', why: string): never => {
      throw new HeliotropeError(code, `move ${body.move}: ${why}`)
    }
    if (side.host !== host || side.key !== key)
      fail('unauthorised', `the grant names ${side.host} as ${role}, this is ${host}`)
    if (side.bootId !== bootId) fail('refused', 'this host was booted since the grant was made')
    if (body.from.host === body.to.host) fail('refused', 'source and target are the same host')
    if (clock.wall() > body.startBefore) fail('refused', 'the grant has expired')
    const closed = role === 'target' ? this.#ports.closed?.() : undefined
    if (closed !== undefined) fail('refused', closed)
    const other = role === 'source' ? body.to : body.from
    if (revokedKeys(journal).has(other.key)) fail('unauthorised', `the key of ${other.host} is revoked`)
    const certified = epochs.floor(body.vm)
    if (body.epoch < certified)
      fail('superseded', `the grant is for epoch ${body.epoch}, this host's journal holds ${certified}`)
    const busy = this.#open().find(open => open.grant.vm === body.vm && open.holdsVm)
    if (busy) fail('conflict', `move ${busy.move} of this VM is still open here, at ${busy.record}`)
  }

  /** Open moves with their grants. `holdsVm`: it may still touch the VM; one that only waits for its peer does not. */
  #open(): {
    role: MoveRole
    move: MoveId
    grant: GrantBody
    port: number
    record: string
    holdsVm: boolean
  }[] {
    const { journal } = this.#ports
    return openMoves(journal).flatMap(({ role, move }) => {
      const records = moveJournal<SourceRecord | TargetRecord>(journal, role, move).all()
      const order = records[0]?.body.order
      const record = records.at(-1)?.kind
      if (!order || !record || record === 'CLOSED') return []
      const { body: grant } = order.grant
      return [
        { role, move, grant, port: order.port, record, holdsVm: !records.some(one => one.kind === 'CLEAN') },
      ]
    })
  }

  #portFor(move: MoveId): number {
    const open = this.#open().filter(one => one.role === 'target')
    const mine = open.find(one => one.move === move)
    if (mine) return mine.port
    const [first, last] = this.#ports.ports
    for (let port = first; port <= last; port++) if (!open.some(one => one.port === port)) return port
    throw new HeliotropeError('refused', `all ports from ${first} to ${last} are taken by open moves`, {
      remedy: 'widen mover.ports in the agent config, or wait for a move to end',
    })
  }

  async #launch(role: MoveRole, move: MoveId, recover: boolean): Promise<void> {
    const name = streamOf(role, move)
    this.#launching.add(name)
    try {
      await this.#ports.launcher.launch(role, move, recover)
    } finally {
      this.#launching.delete(name)
    }
  }

  /** Resolves when the side is prepared or further. @throws refused with the mover's reason, timeout */
  async #prepared(role: MoveRole, move: MoveId): Promise<void> {
    const { clock, journal } = this.#ports
    const records = moveJournal<SourceRecord | TargetRecord>(journal, role, move)
    const until = clock.mono() + PREPARE_MS
    for (;;) {
      const all = records.all()
      // First: the order may come again long after a side that was prepared gave up.
      const ended = all.find(record => record.kind === 'ABORT' || record.kind === 'REFUSE')
      if (ended) throw new HeliotropeError('refused', String(ended.body.why))
      if (all.some(record => record.kind === 'PREPARED')) return
      if (clock.mono() > until)
        throw new HeliotropeError('timeout', `the ${role} did not get ready within ${PREPARE_MS / 1000} s`)
      await sleep(clock, 100)
    }
  }
}

/**
 * Memory that open moves to this host have been promised but not yet taken from Xen (I16).
 * @param present VMs that the hypervisor has already: theirs is taken or claimed
 */
export function promisedMiB(
  journal: Journal,
  except: MoveId | undefined,
  present: ReadonlySet<VmId>,
): number {
  return openMoves(journal)
    .filter(open => open.role === 'target' && open.move !== except)
    .map(open => moveJournal<TargetRecord>(journal, 'target', open.move).all())
    .filter(records => ['ORDERED', 'PREPARED'].includes(records.at(-1)?.kind ?? ''))
    .flatMap(records => records[0]?.body.order?.grant.body.config ?? [])
    .filter(config => !present.has(config.uuid))
    .reduce((sum, config) => sum + config.maxMemoryMiB, 0)
}
