/**
 * One move as the coordinator drives it: prepare the target, start the source, then wait for proof of how it ended. All
 * state is in the journal; `run` may be started anew at any point of it.
 */
import { checkHostCertificate, errorChain, HeliotropeError, MINUTE, SECOND } from '@heliotrope/shared'
import type {
  CommandArgs,
  CommandId,
  CommandKind,
  CommandResult,
  GrantBody,
  HostCertificate,
  HostId,
  MoveId,
  MoveStanding,
  Ms,
} from '@heliotrope/shared'
import { bothClosed, provenOutcome } from './outcome.js'
import type { Proof, Standings } from './outcome.js'
import type { SagaPorts } from './ports.js'
import { endOf, moveStream, provenBy, readMove } from './records.js'
import type { DoneBody, GrantedBody, MoveRecordKind, MoveRecords, MoveState } from './records.js'
import { journalFailed, mayPass, SagaLoop } from './saga-loop.js'

const RETRY_MS: Ms = 2 * SECOND
const POLL_MS: Ms = 5 * SECOND
const STUCK_POLL_MS: Ms = 30 * SECOND
/** Once the outcome is proven, how long the sides get to put everything away before the move counts as done. */
const SETTLE_MS: Ms = 30 * MINUTE
/** The same when one of them does not answer. */
const AWAY_SETTLE_MS: Ms = 2 * MINUTE
/** How long we try to have a target that was only prepared put its things away. */
const TIDY_MS: Ms = 5 * MINUTE
/** Beyond the move's own deadlines. */
const STUCK_SLACK_MS: Ms = 2 * MINUTE

type Granted = MoveState & { granted: GrantedBody }

export class MoveSaga {
  readonly move: MoveId
  readonly #ports: SagaPorts
  readonly #loop: SagaLoop
  #superseded: string | undefined
  /** The source itself said that it did not start. */
  #startRefused = false
  #provenAt: Ms | undefined
  /** What the sides said last: each is told what the other has given out. */
  #seen: Standings = {}
  #waitingSince: Ms | undefined

  constructor(ports: SagaPorts, move: MoveId) {
    this.#ports = ports
    this.move = move
    this.#loop = new SagaLoop(ports, move, 'move')
  }

  /** Ends with the move, or on `stop`. Never rejects. */
  run(): Promise<void> {
    return this.#loop.run(async () => {
      const state = readMove(this.#ports.journal, this.move)
      if (state && !state.done) await this.#step(state)
      else if (state?.done) this.#finish(state, state.done)
      return !state || state.done !== undefined
    })
  }

  /** Something that concerns this move may have changed. */
  poke(): void {
    this.#loop.wake()
  }

  /** A failover grant decides from here on: the move ends, whatever its sides still do. */
  supersede(why: string): void {
    this.#superseded = why
    this.#loop.wake()
  }

  stop(): void {
    this.#loop.stop()
  }

  /** Keeps a certificate that came by itself. */
  certificate(certificate: HostCertificate): void {
    const state = readMove(this.#ports.journal, this.move)
    if (!state || state.done) return
    this.#keep(state, [certificate])
    this.poke()
  }

  #step(state: MoveState): void | Promise<void> {
    if (!state.granted) {
      const reason = 'the coordinator restarted before it was granted'
      return this.#done({ outcome: 'stayed', epoch: 0, why: reason }, {})
    }
    const granted = state as Granted
    if (this.#superseded !== undefined) {
      const { epoch } = granted.granted.grant.body
      return this.#done({ outcome: 'lost', epoch, why: this.#superseded }, {})
    }
    switch (state.phase) {
      case 'REQUESTED':
      case 'DONE':
        return
      case 'GRANTED':
        return this.#prepareTarget(granted)
      case 'TARGET_PREPARED':
        return this.#startSource(granted)
      case 'STARTED':
        return this.#await(granted)
      case 'ABORTING':
        return state.aborting?.maybeStarted ? this.#await(granted) : this.#tidyTarget(granted)
    }
  }

  async #prepareTarget(state: Granted): Promise<void> {
    const { requested, granted } = state
    const args = { grant: granted.grant, limits: requested.limits }
    try {
      const place = await this.#command(state, requested.to, 'move.prepare-target', granted.ids.prepare, args)
      this.#append('TARGET_PREPARED', { address: place.address, port: place.port })
    } catch (error) {
      await this.#failed(state, error, `${requested.to} cannot take it`, false)
    }
  }

  async #startSource(state: Granted): Promise<void> {
    const { requested, granted, prepared } = state
    if (!prepared) return
    const args = { grant: granted.grant, limits: requested.limits, ...prepared }
    try {
      await this.#command(state, requested.from, 'move.start-source', granted.ids.start, args)
      this.#append('STARTED', {})
    } catch (error) {
      this.#startRefused = HeliotropeError.from(error).details?.['answered'] === true
      await this.#failed(state, error, `${requested.from} cannot start it`, true)
    }
  }

  /** What may get better is tried again until the grant expires; then, and for anything else, the move is undone. */
  async #failed(state: Granted, error: unknown, what: string, maybeStarted: boolean): Promise<void> {
    if (this.#loop.stopped) return
    if (journalFailed(error)) throw error
    const { message } = HeliotropeError.from(error)
    this.#ports.log.info('step of a move failed', {
      move: this.move,
      step: state.phase,
      error: errorChain(error),
    })
    if (mayPass(error) && !this.#expired(state)) return this.#loop.pause(RETRY_MS)
    this.#append('ABORTING', { why: `${what}: ${message}`, maybeStarted })
  }

  /** The source was never told: the VM stays for certain. The target must put away what it prepared. */
  async #tidyTarget(state: Granted): Promise<void> {
    const why = state.aborting?.why ?? 'aborted'
    const { to } = state.requested
    await this.#abort(state, to, why)
    // A source that will never know the move is as good as one that has closed it.
    const target = await this.#standing(state, to, true)
    if (this.#loop.stopped) return
    const epoch = state.granted.grant.body.epoch
    if (target && (target.closed || !target.known))
      return this.#done({ outcome: 'stayed', epoch, why }, { target })
    if (this.#age(state) < TIDY_MS) return this.#loop.pause(RETRY_MS)
    const text = `${why}; ${to} has not confirmed that it put everything away`
    return this.#done({ outcome: 'stayed', epoch, why: text }, target ? { target } : {})
  }

  async #await(state: Granted): Promise<void> {
    const { requested, granted } = state
    const { from, to } = requested
    // Both judge for themselves whether it is still theirs to give up; the source first, the target follows its word.
    if (state.aborting) for (const host of [from, to]) await this.#abort(state, host, state.aborting.why)
    const startImpossible = this.#startRefused || this.#expired(state)
    const { source: sourceBefore, target: targetBefore } = this.#seen
    const gone = startImpossible && sourceBefore?.known === false
    const [source, target] = await Promise.all([
      this.#standing(state, from, targetBefore?.closed === true),
      this.#standing(state, to, sourceBefore?.closed === true || gone),
    ])
    if (this.#loop.stopped) return
    const standings: Standings = { ...(source ? { source } : {}), ...(target ? { target } : {}) }
    this.#seen = { ...this.#seen, ...standings }
    const certificates = this.#keep(
      state,
      [source, target].flatMap(side => (side?.certificates ?? []) as HostCertificate[]),
    )
    const proof = provenOutcome(granted.grant.body, certificates, standings, startImpossible)
    if (!proof) return this.#wait(state, standings)
    if (proof.outcome === 'stayed' && state.aborting) proof.why = state.aborting.why
    const now = this.#ports.clock.mono()
    this.#provenAt ??= now
    // A side that answers is waited for: it still holds a name, a disk, a port.
    const patience = source && target ? SETTLE_MS : AWAY_SETTLE_MS
    if (bothClosed(standings) || now - this.#provenAt > patience) return this.#done(proof, standings)
    if (proof.outcome === 'stayed' && target?.known && !target.closed) await this.#abort(state, to, proof.why)
    return this.#loop.pause(RETRY_MS)
  }

  /** Nothing is proven yet. Says so, once, when it takes longer than the move's own deadlines allow. */
  #wait(state: Granted, { source, target }: Standings): Promise<void> {
    const { clock } = this.#ports
    const { limits, from, to, name } = state.requested
    this.#waitingSince ??= clock.mono()
    const allowed = limits.copyMs + limits.handoverMs + limits.askMs + STUCK_SLACK_MS
    if (clock.mono() - this.#waitingSince < allowed) return this.#loop.pause(POLL_MS)
    if (!state.stuck) {
      const silent = [source ? '' : from, target ? '' : to].filter(Boolean)
      const text = `the move of ${name} from ${from} to ${to} has no proven end; source: ${say(source)}, target: ${say(target)}`
      const remedy =
        silent.length > 0
          ? `bring ${silent.join(' and ')} back; the move then ends by itself. Do not start ${name} by hand`
          : `run "heliotrope-agent status" on both hosts and follow the remedy of the side that waits. Do not start ${name} by hand`
      this.#append('STUCK', { text, remedy })
      this.#alarm(`stuck/${this.move}`, text, remedy)
    }
    return this.#loop.pause(STUCK_POLL_MS)
  }

  #done(proof: Proof, { source, target }: Standings): void {
    const figure = <K extends 'bytes' | 'startedAt' | 'endedAt' | 'stillMs'>(
      key: K,
    ): { [P in K]?: number } => {
      const value = source?.[key] ?? target?.[key]
      return (value === undefined ? {} : { [key]: value }) as { [P in K]?: number }
    }
    this.#append('DONE', {
      outcome: proof.outcome,
      reason: proof.why,
      epoch: proof.epoch,
      ...figure('bytes'),
      ...figure('startedAt'),
      ...figure('endedAt'),
      ...figure('stillMs'),
    })
  }

  /** What follows from DONE; may be done again. */
  #finish(state: MoveState, done: DoneBody): void {
    const { fleet, journal, audit, alarms, log, ended } = this.#ports
    journal.seal(moveStream(this.move))
    const { vm, audit: act } = state.requested
    const moved = done.outcome === 'moved'
    const certified = state.granted ? { ...provenBy(state, done), ...endOf(done.outcome, state.since) } : {}
    fleet.note(vm, { busy: undefined, endedMove: this.move, movingTo: undefined, ...certified })
    audit.finish(act, moved ? 'done' : 'failed', `${done.outcome}: ${done.reason}`)
    alarms.clear('coordinator', `stuck/${this.move}`)
    log.info('move ended', { move: this.move, outcome: done.outcome, reason: done.reason })
    ended(state)
  }

  #command<K extends 'move.prepare-target' | 'move.start-source'>(
    state: Granted,
    host: HostId,
    kind: K,
    id: CommandId,
    args: CommandArgs<K>,
  ): Promise<CommandResult<K>> {
    const { startBefore } = state.granted.grant.body
    return this.#ports.agents.call(host, kind, args, {
      id,
      reason: state.requested.reason,
      expiresAt: startBefore,
    })
  }

  /** Asks where a side stands, and tells it what the other side's journal has given out: a second path between them. */
  #standing(state: MoveState, host: HostId, peerClosed: boolean): Promise<MoveStanding | undefined> {
    const args = standingArgs(state, host, peerClosed)
    return this.#ask(host, 'move.standing', () => this.#ports.agents.call(host, 'move.standing', args))
  }

  #abort(state: Granted, host: HostId, why: string): Promise<MoveStanding | undefined> {
    const { ids } = state.granted
    const id = host === state.requested.from ? ids.abortSource : ids.abortTarget
    const options = { id, reason: state.requested.reason }
    const args = { move: this.move, reason: why.slice(0, 500) }
    return this.#ask(host, 'move.abort', () => this.#ports.agents.call(host, 'move.abort', args, options))
  }

  async #ask(
    host: HostId,
    kind: CommandKind,
    run: () => Promise<MoveStanding>,
  ): Promise<MoveStanding | undefined> {
    try {
      const standing = await run()
      return standing.move === this.move ? standing : undefined
    } catch (error) {
      this.#ports.log.debug('no answer', { move: this.move, host, kind, error: errorChain(error) })
      return undefined
    }
  }

  /** Journals certificates that are new and follow from the grant: a forged one must hide no true one. @returns all that are known now */
  #keep(state: MoveState, certificates: readonly HostCertificate[]): HostCertificate[] {
    const grant = state.granted?.grant.body
    const known = [...state.certificates]
    const seen = new Set(known.map(({ body }) => `${body.kind} ${body.epoch} ${body.by}`))
    for (const certificate of certificates) {
      const { body } = certificate
      const name = `${body.kind} ${body.epoch} ${'by' in body ? body.by : ''}`
      if (!('by' in body) || !grant || seen.has(name) || !follows(certificate, grant)) continue
      seen.add(name)
      known.push(certificate)
      this.#append('CERTIFICATE', { certificate })
    }
    return known
  }

  #append<K extends MoveRecordKind>(kind: K, body: MoveRecords[K]): void {
    this.#ports.journal.append(moveStream(this.move), kind, body)
  }

  #alarm(key: string, text: string, remedy: string): void {
    this.#ports.alarms.raise('coordinator', key, text, remedy)
  }

  #expired(state: Granted): boolean {
    return this.#ports.clock.wall() >= state.granted.grant.body.startBefore
  }

  #age(state: MoveState): Ms {
    return this.#ports.clock.wall() - state.since
  }
}

function follows(certificate: HostCertificate, grant: GrantBody): boolean {
  try {
    return checkHostCertificate(certificate, grant).move === grant.move
  } catch {
    return false
  }
}

const say = (standing: MoveStanding | undefined): string =>
  standing
    ? standing.known
      ? standing.record + (standing.reason ? ` (${standing.reason})` : '')
      : 'does not know it'
    : 'no answer'

/** A mover that was never reached by its peer ends by this. */
export const standingArgs = (
  state: MoveState,
  host: HostId,
  peerClosed: boolean,
): { move: MoveId; peerClosed: boolean; certificates: HostCertificate[] } => ({
  move: state.move,
  peerClosed,
  certificates: state.certificates.filter(({ body }) => body.by !== host).slice(0, 20),
})
