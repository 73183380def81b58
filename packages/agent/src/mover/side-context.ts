/**
 * What both sides keep besides the rules: the order from the journal, certificates received and given, the inbox, the
 * status that the agent reads, and the pace at which words are repeated.
 */
import { certify, checkGrant, checkHostCertificate, errorChain } from '@heliotrope/shared'
import type {
  GrantBody,
  HostCertificate,
  HostCertificateKind,
  MoveProgress,
  MoveRole,
  Ms,
} from '@heliotrope/shared'
import { openRefusals } from '../refusals.js'
import type { Refusals } from '../refusals.js'
import type { PeerMessage } from './peer-messages.js'
import type { MoveOrder, SidePorts, TransferProgress } from './ports.js'
import { inboxOf, streamOf } from './records.js'
import type { RecordBody } from './records.js'

/** How often an unanswered word is said again. */
const REPEAT_MS: Ms = 1_000
/** How long a side waits for one thing before it raises an alarm. */
export const ALARM_AFTER_MS: Ms = 60_000

export interface SideOptions {
  /** Fingerprints of the coordinator keys this host trusts. */
  coordinatorKeys: readonly string[]
  /** Called on every change of progress or state, for the agent's report. */
  status: (status: SideStatus) => void
  signal: AbortSignal
}

export interface SideStatus {
  progress: MoveProgress
  /** What is waited for too long, with a remedy. */
  alarm?: { text: string; remedy: string }
}

/** Epoch that a certificate of this kind carries, relative to the Grant's. */
const epochOf: Record<HostCertificateKind, number> = {
  abort: 0,
  ask: 0,
  release: 1,
  reclaimed: 2,
  release2: 3,
  accept: 1,
  refuse: 0,
  return: 0,
  lost: 0,
}

export class SideContext {
  readonly ports: SidePorts
  readonly order: MoveOrder
  readonly grant: GrantBody
  readonly options: SideOptions
  /** Certificates of the other side, checked against the Grant. */
  readonly got = new Map<HostCertificateKind, HostCertificate>()
  readonly #given = new Map<string, HostCertificate>()
  readonly #saidAt = new Map<string, Ms>()
  readonly #startedAt: Ms
  readonly #refusals: Refusals
  #inboxSeen = 0
  /** The other side needs nothing more of us (`done`, `closed`, or the coordinator's word for it). */
  peerFinished = false
  abortRequested: string | undefined
  /** A later grant decides where the VM runs; this move hands nothing over any more. */
  superseded = false

  constructor(ports: SidePorts, order: MoveOrder, options: SideOptions) {
    this.ports = ports
    this.order = order
    this.grant = checkGrant(order.grant, options.coordinatorKeys)
    this.options = options
    this.#startedAt = ports.clock.wall()
    this.#refusals = openRefusals(ports.journal, ports.log, 'audit/certificates')
    // What an earlier process of this side has given out is given out again, to the letter.
    for (const { body } of ports.journal.read(streamOf(order.role, this.grant.move))) {
      const { certificate } = body as RecordBody
      if (certificate?.body.by === this.ownSide().host)
        this.#given.set(`${certificate.body.kind}/${certificate.body.epoch - this.grant.epoch}`, certificate)
    }
  }

  /** Takes a certificate from wherever it came; one that does not check is logged and otherwise without effect (I9). */
  receive(certificate: HostCertificate): void {
    try {
      const body = checkHostCertificate(certificate, this.grant)
      if (this.got.has(body.kind)) return
      this.got.set(body.kind, certificate)
      this.ports.log.info('certificate received', { kind: body.kind, epoch: body.epoch })
    } catch (error) {
      const why = errorChain(error)
      this.ports.log.warn('certificate refused', { error: why })
      const { kind, move, epoch, by } = certificate.body
      this.#refusals.note({ kind, move, epoch, by, why: why.slice(0, 500) })
    }
  }

  /** Signs once and gives the same certificate ever after. */
  certificate(kind: HostCertificateKind, epochOffset = epochOf[kind]): HostCertificate {
    const key = `${kind}/${epochOffset}`
    let certificate = this.#given.get(key)
    if (certificate === undefined) {
      certificate = certify(this.ports.signer, {
        kind,
        move: this.grant.move,
        vm: this.grant.vm,
        epoch: this.grant.epoch + epochOffset,
        by: this.ownSide().host,
        bootId: this.ports.bootId,
        at: Math.round(this.ports.clock.wall()),
      })
      this.#given.set(key, certificate)
    }
    return certificate
  }

  ownSide(): GrantBody['from'] {
    return this.order.role === 'source' ? this.grant.from : this.grant.to
  }

  /** Sends over the control connection, at most once a second for the same word unless something new came in. */
  say(key: string, message: PeerMessage, again: boolean): void {
    const { clock, peer } = this.ports
    if (!peer.connected) return
    const last = this.#saidAt.get(key)
    if (!again && last !== undefined && clock.mono() - last < REPEAT_MS) return
    this.#saidAt.set(key, clock.mono())
    peer.send(message)
  }

  /** A new connection has heard nothing yet. */
  forgetSaid(): void {
    this.#saidAt.clear()
  }

  /** Reads what the agent has put into the inbox: certificates by another path, a request to abort. */
  readInbox(): void {
    const records = this.ports.journal.read(inboxOf(this.order.role, this.grant.move))
    for (const record of records.slice(this.#inboxSeen)) {
      const body = record.body as { certificate?: HostCertificate; reason?: string }
      if (record.kind === 'CERTIFICATE' && body.certificate) this.receive(body.certificate)
      else if (record.kind === 'ABORT-REQUESTED') this.abortRequested = body.reason ?? 'abort requested'
      else if (record.kind === 'PEER-CLOSED') this.peerFinished = true
      else if (record.kind === 'SUPERSEDED') {
        this.superseded = true
        this.abortRequested ??= 'a later grant has given the VM to another host'
      } else this.ports.log.warn('inbox record is not known', { kind: record.kind })
    }
    this.#inboxSeen = records.length
  }

  report(
    record: string,
    phase: MoveProgress['phase'],
    transfer: TransferProgress | undefined,
    text: string,
    waitedMs: Ms,
  ): void {
    const none: TransferProgress = {
      bytes: 0,
      pages: 0,
      dirtiedPages: 0,
      round: 0,
      remainingPages: 0,
      rateBps: 0,
    }
    const progress: MoveProgress = {
      move: this.grant.move,
      vm: this.grant.vm,
      role: this.order.role as MoveRole,
      record,
      phase,
      ...(transfer ?? none),
      startedAt: this.#startedAt,
      text: text.slice(0, 400),
    }
    // Up to PREPARED a deadline ends the wait; from there on only the other side does, and people should know.
    const late = waitedMs >= ALARM_AFTER_MS && record !== 'ORDERED' && record !== 'PREPARED'
    const alarm = late
      ? {
          text: `move ${this.grant.move} of ${this.grant.config.name}: ${this.order.role} at ${record} has waited ${Math.round(waitedMs / 1000)} s for ${text}`,
          remedy: `bring ${this.otherHost()} and the link to it back; heliotrope migrate and the hypervisors are left alone until then`,
        }
      : undefined
    this.options.status(alarm ? { progress, alarm } : { progress })
  }

  otherHost(): string {
    return this.order.role === 'source' ? this.grant.to.host : this.grant.from.host
  }
}
