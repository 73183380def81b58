/** All moves: asks for one, keeps at most one per VM, takes up the open ones after a restart. */
import { certify, errorChain, HeliotropeError, newCommandId, newMoveId } from '@heliotrope/shared'
import type {
  Certificate,
  GrantBody,
  HostCertificate,
  HostId,
  MoveId,
  Ms,
  ReasonStep,
  VmId,
  VmState,
} from '@heliotrope/shared'
import { asRegular, wayBlocked, wayOf } from '@heliotrope/planner'
import { Epochs } from './epochs.js'
import { MoveSaga, standingArgs } from './move-saga.js'
import type { SagaPorts } from './ports.js'
import { endOf, foldMove, MOVE_PREFIX, moveStream, provenBy, readMove, wasSuperseded } from './records.js'
import type { GrantedBody, MoveState, RequestedBody } from './records.js'

export interface MoveRequest {
  vm: VmId
  to: HostId
  reason: ReasonStep[]
  plan?: number
  /** By save, carry and restore, whatever the config says, and even if it could move live. */
  regular?: boolean
}

/** How often a host that still works at a move that is done here is told so. */
const HELP_AGAIN_MS: Ms = 30_000
/** More than any budget of moves an hour. */
const MAX_ENDED = 2_000

export class Sagas {
  readonly #ports: SagaPorts
  readonly #epochs: Epochs
  readonly #open = new Map<
    MoveId,
    { saga: MoveSaga; vm: VmId; from: HostId; to: HostId; audit: string; run: Promise<void> }
  >()
  readonly #running = new Set<Promise<void>>()
  #ended: Ms[] = []
  readonly #parties = new Map<VmId, Set<HostId>>()
  readonly #superseded = new Map<MoveId, GrantBody>()
  readonly #plans = new Set<number>()
  readonly #helpedAt = new Map<HostId, Ms>()

  /** @param epochs shared with whoever else hands out the right to run a VM */
  constructor(ports: SagaPorts, epochs = new Epochs()) {
    this.#ports = ports
    this.#epochs = epochs
  }

  /**
   * Reads the journal and takes up what is open.
   * @param openActs audit acts that somebody else goes on with
   * @throws journal-failed
   */
  start(openActs: readonly string[] = []): void {
    const { journal, fleet, audit } = this.#ports
    const open: MoveState[] = []
    const unsealed = new Set(journal.streams(MOVE_PREFIX, 'open'))
    for (const stream of journal.streams(MOVE_PREFIX, 'all')) {
      const state = foldMove(stream.slice(MOVE_PREFIX.length) as MoveId, journal.read(stream))
      if (!state) continue
      const { vm, plan } = state.requested
      if (plan !== undefined) this.#plans.add(plan)
      if (state.granted) this.#epochs.granted(vm, state.granted.grant.body.epoch, state.requestedAt)
      this.#noteParties(state.requested)
      if (!state.done) open.push(state)
      else this.#remember(state, !unsealed.has(stream))
    }
    for (const { requested, move } of open) fleet.note(requested.vm, { busy: move, movingTo: requested.to })
    audit.sweep(new Set([...openActs, ...open.map(state => state.requested.audit)]))
    for (const state of open) this.#launch(state.move, state.requested)
  }

  /** What a closed move certified still holds. A crash may have come between its DONE and the end of its audit. */
  #remember(state: MoveState, sealed: boolean): void {
    const { requested, granted, done, since, move } = state
    if (!done) return
    this.#noteSuperseded(state)
    if (!sealed) {
      this.#ports.audit.finish(requested.audit, done.outcome === 'moved' ? 'done' : 'failed', done.reason)
      this.#ports.journal.seal(moveStream(move))
    }
    if (!granted) return
    this.#noteEnd(since)
    const proven = provenBy(state, done)
    this.#ports.fleet.note(requested.vm, { ...proven, ...endOf(done.outcome, since) })
  }

  /** Lets the moves be; they are taken up at the next start. */
  async stop(): Promise<void> {
    for (const { saga } of this.#open.values()) saga.stop()
    await Promise.all(this.#running)
  }

  /**
   * Checks, grants and starts a move. Compare-and-set: refuses a VM that has an open move.
   * @returns its id; the move goes on by itself
   * @throws refused | unknown | conflict | unavailable, saying why; journal-failed
   */
  request(request: MoveRequest): MoveId {
    const { journal, rng, audit, fleet, log } = this.#ports
    const known = fleet.vm(request.vm)
    if (!known) throw new HeliotropeError('unknown', `VM ${request.vm} is not known`)
    const vm = request.regular ? asRegular(known) : known
    const { config, sides } = this.#check(vm, request.to)
    const move = newMoveId(rng)
    const act = audit.begin({
      what: 'move',
      subject: vm.uuid,
      reason: request.reason,
      details: { move, name: vm.name, from: vm.host, to: request.to },
    })
    const requested: RequestedBody = {
      vm: vm.uuid,
      name: vm.name,
      from: vm.host,
      to: request.to,
      reason: request.reason,
      limits: this.#ports.limits.move,
      audit: act,
      ...(request.plan === undefined ? {} : { plan: request.plan }),
    }
    try {
      journal.append(moveStream(move), 'REQUESTED', requested)
      const granted = this.#grant(move, vm, config, sides)
      journal.append(moveStream(move), 'GRANTED', granted)
      this.#epochs.granted(vm.uuid, granted.grant.body.epoch)
      this.#noteParties(requested)
    } catch (error) {
      // If the disk fails here, too, the next start closes both.
      audit.finish(act, 'failed', HeliotropeError.from(error).message)
      throw error
    }
    if (request.plan !== undefined) this.#plans.add(request.plan)
    fleet.note(vm.uuid, { busy: move, movingTo: request.to })
    log.info('move granted', { move, vm: vm.name, from: vm.host, to: request.to })
    this.#launch(move, requested)
    return move
  }

  state(move: MoveId): MoveState | undefined {
    return readMove(this.#ports.journal, move)
  }

  /** Wall times at which granted moves ended, oldest first. */
  ended(): readonly Ms[] {
    return this.#ended
  }

  /** Numbers of the plans that any move came from. */
  plansUsed(): ReadonlySet<number> {
    return this.#plans
  }

  /** The hosts of the open moves. */
  engaged(): { from: HostId; to: HostId }[] {
    return [...this.#open.values()].map(({ from, to }) => ({ from, to }))
  }

  /** The open move of the VM. */
  openOf(vm: VmId): MoveState | undefined {
    const open = [...this.#open].find(([, one]) => one.vm === vm)
    return open && this.state(open[0])
  }

  /** Ends a move one side of which was off: a failover grant, and no certificate of it, says where the VM runs. */
  async supersede(move: MoveId, why: string): Promise<void> {
    const open = this.#open.get(move)
    open?.saga.supersede(why)
    await open?.run
  }

  /** Grants of moves that are open, or were ended for a boot: a side of them may still take the VM. */
  unsettled(): GrantBody[] {
    return [...this.open().flatMap(({ granted }) => granted?.grant.body ?? []), ...this.#superseded.values()]
  }

  /** Hosts that took part in moves of the VM. */
  partiesOf(vm: VmId): HostId[] {
    return [...(this.#parties.get(vm) ?? [])]
  }

  /** Open moves, oldest first. */
  open(): MoveState[] {
    return [...this.#open.keys()].flatMap(move => this.state(move) ?? [])
  }

  /** A certificate that an agent passed on. One of a move that is closed here is news to nobody. */
  certificate(certificate: Certificate): void {
    if (certificate.body.kind === 'grant') return
    this.#open.get(certificate.body.move)?.saga.certificate(certificate as HostCertificate)
  }

  /** A host came back, or its report says something new about its moves. */
  poke(host: HostId): void {
    for (const { saga, from, to } of this.#open.values()) if (from === host || to === host) saga.poke()
  }

  /**
   * A host still works at a move that is done here (it was away when the other side ended, or the other side was): tell it
   * what the other side gave out. At once when its report changes, and again while it says the same: a command may be
   * lost or refused, and then its journal would stay open for ever.
   */
  help(host: HostId, moves: readonly MoveId[], when: 'now' | 'again'): void {
    const { agents, clock, log } = this.#ports
    const before = this.#helpedAt.get(host)
    if (when === 'again' && before !== undefined && clock.mono() - before < HELP_AGAIN_MS) return
    for (const move of moves) {
      if (this.#open.has(move)) continue
      const state = this.state(move)
      if (!state?.done) continue
      this.#helpedAt.set(host, clock.mono())
      agents
        .call(host, 'move.standing', standingArgs(state, host, true))
        .catch((error: unknown) => log.debug('no answer', { move, host, error: errorChain(error) }))
    }
  }

  #check(vm: VmState, to: HostId) {
    const { fleet, limits } = this.#ports
    const refuse = (why: string, remedy?: string): never => {
      throw new HeliotropeError(
        'refused',
        `${vm.name} cannot move to ${to}: ${why}`,
        remedy ? { remedy } : {},
      )
    }
    if (vm.busy) throw new HeliotropeError('conflict', `${vm.name} is being moved already (move ${vm.busy})`)
    if (vm.host === to) refuse('it runs there')
    const doubled = fleet.runningAt(vm.uuid)
    if (doubled.length > 1)
      refuse(
        `it is reported as running on ${doubled.join(' and ')}`,
        'find out which is the right one, and stop the other',
      )
    if (vm.state !== 'running') refuse(`it is ${vm.state}, not running`)
    const blocked = wayBlocked(vm)
    if (blocked !== undefined) refuse(blocked)
    const config = vm.config
    if (!config) return refuse(`its config is not known yet`, 'wait for the next report')
    const [from, target] = [this.#side(vm.host), this.#side(to)]
    for (const host of [vm.host, to]) {
      const count = [...this.#open.values()].filter(open => open.from === host || open.to === host).length
      if (count >= limits.maxPerHost)
        refuse(`${host} takes part in ${count} move(s) already`, 'wait for it to end')
    }
    return { config, sides: { from, to: target } }
  }

  #side(id: HostId): GrantBody['from'] {
    const host = this.#ports.fleet.host(id)
    if (!host?.connected)
      throw new HeliotropeError('unavailable', `host ${id} is not connected`, {
        remedy: `check heliotrope-agent on ${id}`,
      })
    if (host.closed !== undefined)
      throw new HeliotropeError('refused', `host ${id} takes no move: ${host.closed}`)
    return { host: id, key: host.key, bootId: host.bootId }
  }

  #grant(
    move: MoveId,
    vm: VmState,
    config: GrantBody['config'],
    sides: { from: GrantBody['from']; to: GrantBody['to'] },
  ): GrantedBody {
    const { clock, rng, signer, limits } = this.#ports
    const at = Math.round(clock.wall())
    const grant = certify<GrantBody>(signer, {
      kind: 'grant',
      move,
      vm: vm.uuid,
      epoch: this.#epochs.next(vm.uuid, vm.epoch),
      ...sides,
      config,
      ...(wayOf(vm) === 'regular' && { how: 'regular' }),
      startBefore: at + limits.startMs,
      at,
    })
    const id = () => newCommandId(rng)
    return { grant, ids: { prepare: id(), start: id(), abortSource: id(), abortTarget: id() } }
  }

  #noteSuperseded(state: MoveState): void {
    if (state.granted && wasSuperseded(state)) this.#superseded.set(state.move, state.granted.grant.body)
  }

  #noteParties({ vm, from, to }: RequestedBody): void {
    const known = this.#parties.get(vm) ?? new Set()
    this.#parties.set(vm, known.add(from).add(to))
  }

  #noteEnd(at: Ms): void {
    this.#ended = [...this.#ended.slice(-MAX_ENDED), at]
  }

  #launch(move: MoveId, { vm, from, to, audit }: RequestedBody): void {
    const ended = (state: MoveState): void => {
      // Before anybody is told: who asks for the next move must not find this one still open.
      const first = this.#open.delete(move)
      if (first && state.granted) this.#noteEnd(state.since)
      this.#noteSuperseded(state)
      this.#ports.ended(state)
    }
    const saga = new MoveSaga({ ...this.#ports, ended }, move)
    const open = { saga, vm, from, to, audit, run: Promise.resolve() }
    this.#open.set(move, open)
    const run = saga.run().finally(() => {
      this.#open.delete(move)
      this.#running.delete(run)
    })
    open.run = run
    this.#running.add(run)
  }
}
