/** The source side of one move, live or in recovery: observes for source-rules.ts and does what they say. */
import { errorChain, HeliotropeError } from '@heliotrope/shared'
import type { GrantBody, Ms } from '@heliotrope/shared'
import type { DomainSeen } from '../ports.js'
import type { PeerMessage } from './peer-messages.js'
import type { MoveOrder, SourcePorts } from './ports.js'
import { MoveFence } from './move-fence.js'
import type { StorageStands } from './move-fence.js'
import { checkSource } from './prepare-source.js'
import { detachDisks } from './prepare-target.js'
import { moveJournal } from './records.js'
import type { MoveJournal, SourceRecord } from './records.js'
import { SideContext } from './side-context.js'
import type { SideOptions } from './side-context.js'
import { SideLoop } from './side-loop.js'
import type { Side } from './side-loop.js'
import { sourceSays, sourceStep } from './source-rules.js'
import type { SourceAct, SourceCopy, SourceView } from './source-rules.js'

/** After so many times the limit for an answer, the storage may decide. */
const EVICT_AFTER = 2
/** How long xl may take to destroy its copy after the report. */
const XL_END_MS = 60_000

/** Runs until the move is closed on this side. The stream must hold ORDERED. */
export async function runSource(ports: SourcePorts, order: MoveOrder, options: SideOptions): Promise<void> {
  await new SourceSide(ports, order, options).run()
}

/** What this process knows of the move beside the journal, and what it does on the word of the rules. */
class SourceSide implements Side<SourceView, SourceAct> {
  readonly #ports: SourcePorts
  readonly #order: MoveOrder
  readonly #options: SideOptions
  readonly #context: SideContext
  readonly #grant: GrantBody
  readonly #journal: MoveJournal<SourceRecord>
  readonly #fence: MoveFence
  readonly #loop = new SideLoop()
  readonly step = sourceStep
  readonly #regular: boolean
  readonly #begun: { at: Ms; readyAt: Ms; committedAt: Ms; suspendedAt: Ms; reportAt: Ms }
  /** Absent in recovery, and once it was let go. */
  #transfer: SourcePorts['transfer']
  #started = false
  #listening = false
  #ready = false
  #readyGiven = false
  #reportGiven = false
  #wasConnected = false
  #broken: string | undefined
  #bytes = 0
  #last: SourceRecord = 'ORDERED'
  #stands: StorageStands = 'unseen'

  constructor(ports: SourcePorts, order: MoveOrder, options: SideOptions) {
    this.#ports = ports
    this.#order = order
    this.#options = options
    this.#context = new SideContext(ports, order, options)
    this.#grant = this.#context.grant
    this.#journal = moveJournal<SourceRecord>(ports.journal, 'source', this.#grant.move)
    this.#fence = new MoveFence(ports.storage, this.#grant, 'source', ports.log)
    this.#transfer = ports.transfer
    this.#regular = this.#grant.how === 'regular'
    this.#begun = { at: ports.clock.mono(), readyAt: 0, committedAt: 0, suspendedAt: 0, reportAt: 0 }
  }

  async run(): Promise<void> {
    const { clock, log, peer } = this.#ports
    this.#listen()
    await peer.start()
    try {
      await this.#loop.run(this, { clock, log, signal: this.#options.signal })
    } finally {
      this.#letGo()
      await peer.stop()
    }
  }

  #listen(): void {
    const { clock, peer } = this.#ports
    peer.onMessage = (message: PeerMessage) => {
      if (message.t === 'listening') this.#listening = true
      else if (message.t === 'ready' && this.#transfer) {
        this.#ready = true
        this.#begun.readyAt ||= clock.mono()
      } else if (message.t === 'certificate') this.#context.receive(message.certificate)
      else if (message.t === 'done') this.#context.peerFinished = true
      this.#loop.wake()
    }
    peer.onChange = () => {
      if (peer.connected) {
        this.#wasConnected = true
        this.#context.forgetSaid()
      } else if (this.#wasConnected) this.#broken ??= 'the connection to the target was lost'
      this.#loop.wake()
    }

    if (this.#transfer) this.#transfer.onChange = () => this.#loop.wake()
  }

  #giveUp(): string | undefined {
    const { clock } = this.#ports
    if (this.#context.abortRequested !== undefined) return this.#context.abortRequested
    if (this.#broken !== undefined) return this.#broken
    if (this.#transfer?.broken !== undefined) return this.#transfer.broken
    // It may come by the coordinator alone, when the target gave up before we ever reached it.
    if (this.#context.got.has('refuse')) return 'the target refused'
    const now = clock.mono()
    // The VM stands still from here on, whatever the target does with it.
    const still = this.#begun.suspendedAt || this.#begun.readyAt
    if (
      still > 0 &&
      now - still > (this.#regular ? this.#order.limits.stillMs : this.#order.limits.handoverMs)
    )
      return this.#regular ? 'the VM stood still for too long' : 'the hand-over took too long'
    if (now - this.#begun.at > this.#order.limits.copyMs) return 'the copy took too long'
    if (!this.#started && clock.wall() > this.#grant.startBefore)
      return 'the grant expired before the copy began'
    return undefined
  }

  #look(found: DomainSeen[]): ReturnType<typeof lookAt> {
    const held = this.#regular && this.#journal.find('PAUSED') === undefined ? 'paused' : 'suspended'
    return lookAt(this.#journal.find('PREPARED')?.body, this.#ports.bootId, found, held)
  }

  async observe(): Promise<SourceView> {
    const { clock, hypervisor } = this.#ports
    this.#context.readInbox()
    this.#last = this.#journal.standing()?.kind ?? 'ORDERED'
    const cleaned = this.#journal.find('CLEAN') !== undefined
    const live = this.#transfer !== undefined
    if (this.#transfer?.streamSent) this.#begun.suspendedAt ||= clock.mono()
    // While the copy runs the hypervisor is left alone: the end of the stream implies that the VM is suspended.
    const copies =
      live && (this.#last === 'ORDERED' || this.#last === 'PREPARED' || this.#last === 'HANDOVER')
    const begins = this.#last === 'PREPARED' && this.#listening && !this.#started
    const looks = !cleaned && (!copies || begins)
    const seen = looks ? this.#look(await hypervisor.find(this.#grant.vm)) : undefined
    const drained =
      this.#last === 'PREPARED' && this.#ready && !this.#readyGiven && this.#transfer?.streamSent
        ? await hypervisor.drained(this.#journal.find('PREPARED')?.body.domid ?? -1)
        : false
    const prepared = this.#journal.find('PREPARED')
    const silentMs = clock.mono() - (this.#begun.committedAt || this.#begun.at)
    return {
      last: this.#last as SourceView['last'],
      prepared: prepared !== undefined && this.#journal.find('ABORT')?.body.untouched !== true,
      live,
      xlGone:
        cleaned || (live ? !this.#started || this.#transfer!.xlExited : await this.#ports.xlOfMoveGone()),
      copy: seen?.copy ?? 'unseen',
      nameClean: !seen?.domain || seen.copy === 'elsewhere' || seen.domain.name === this.#grant.config.name,
      started: this.#started,
      listening: this.#listening,
      streamSent: this.#transfer?.streamSent ?? false,
      ready: this.#ready,
      drained,
      readyGiven: this.#readyGiven,
      goRead: this.#transfer?.goRead ?? false,
      reportGiven: this.#reportGiven,
      xlHangs: this.#reportGiven && clock.mono() - this.#begun.reportAt > XL_END_MS,
      giveUp: live ? this.#giveUp() : undefined,
      askDue: silentMs > this.#order.limits.askMs,
      evictDue: silentMs > EVICT_AFTER * this.#order.limits.askMs,
      fence: prepared?.body.fence ?? 'none',
      storage: (prepared?.body.fence ?? 'none') === 'none' ? 'none' : this.#stands,
      got: {
        accept: this.#context.got.has('accept'),
        refuse: this.#context.got.has('refuse'),
        return: this.#context.got.has('return'),
        lost: this.#context.got.has('lost'),
      },
      peerDone: this.#context.peerFinished || this.#context.superseded,
      superseded: this.#context.superseded,
      cleaned,
    }
  }

  #letGo(): void {
    if (!this.#transfer) return
    this.#bytes = this.#transfer.progress().bytes
    this.#transfer.closePipes()
    this.#transfer = undefined
  }

  async perform(act: SourceAct): Promise<void> {
    const { clock, hypervisor, log, storage } = this.#ports
    const domid = this.#journal.find('PREPARED')?.body.domid
    switch (act.do) {
      case 'prepare':
        try {
          const kind = await this.#fence.prepareSource()
          // The look comes last: what others do to the VM between it and the record would pass for ours.
          const prepared = { ...(await checkSource(this.#grant, hypervisor)), fence: kind }
          this.#journal.append('PREPARED', { ...prepared, bootId: this.#ports.bootId })
          log.info('prepared', prepared)
        } catch (error) {
          this.#context.abortRequested = (error as Error).message
        }
        return
      case 'start-xl':
        this.#transfer?.start(domid!)
        this.#started = true
        // A live copy leaves the VM running until the end of the stream, a regular one does not.
        if (this.#regular) this.#begun.suspendedAt = clock.mono()
        return
      case 'give-ready':
        this.#journal.append('HANDOVER', {})
        this.#transfer?.giveReady()
        this.#readyGiven = true
        return
      case 'commit': {
        const certificate = this.#context.certificate('release')
        this.#journal.append('COMMIT', { certificate, bytes: this.#transfer?.progress().bytes ?? 0 })
        this.#begun.committedAt = clock.mono()
        // At once: the VM stands still until the target has it.
        this.#context.say('release', { t: 'certificate', certificate }, true)
        log.info('committed: the VM is released to the target')
        return
      }
      case 'abort':
        this.#journal.append('ABORT', {
          why: act.why,
          certificate: this.#context.certificate('abort'),
          // This process knows that xl was never started; one that recovers cannot.
          ...(this.#transfer && !this.#started && { untouched: true }),
        })
        log.warn('aborted', { why: act.why })
        return
      case 'close-pipes':
        return this.#letGo()
      case 'resume':
        await this.#renameBack(domid!)
        await hypervisor.resume(domid!)
        await hypervisor.unpause(domid!)
        log.info('resumed: the VM runs here')
        return
      case 'rename-back':
        return this.#renameBack(domid!)
      case 'released': {
        const certificate = this.#context.got.get('accept')
        const stillMs = this.#begun.suspendedAt > 0 ? clock.mono() - this.#begun.suspendedAt : undefined
        this.#journal.append('RELEASED', stillMs === undefined ? { certificate } : { certificate, stillMs })
        log.info('released: the VM runs at the target')
        return
      }
      case 'give-report':
        this.#transfer?.giveReport()
        this.#reportGiven = true
        this.#begun.reportAt = clock.mono()
        return
      case 'supersede':
        this.#journal.append('SUPERSEDED', { why: 'a later grant has given the VM to another host' })
        return
      case 'destroy':
        return hypervisor.destroy(domid!)
      case 'take-over':
        this.#stands = await this.#fence.takeOver()
        log.warn('the target is silent: the storage was asked', { stands: this.#stands })
        return
      case 'take-back':
        this.#stands = await this.#fence.takeBack()
        return
      case 'reclaim':
        this.#journal.append('RECLAIM', {
          why: act.why,
          certificate: this.#context.got.get('refuse') ?? this.#context.got.get('return'),
        })
        log.warn('reclaimed', { why: act.why })
        return
      case 'commit2':
        this.#journal.append('COMMIT2', { certificate: this.#context.certificate('release2') })
        return
      case 'pause-lower-epoch':
        log.error('the VM runs here below its epoch: paused', { domid })
        // What has run is never again taken for the copy that the move holds.
        if (!this.#journal.find('PAUSED')) this.#journal.append('PAUSED', { domid: domid! })
        return hypervisor.pause(domid!)
      case 'clean-up':
        this.#letGo()
        if (act.detach) await detachDisks(this.#grant, storage, log)
        // Reclaimed is true from here on; only a journalled word finds its way by the coordinator.
        this.#journal.append(
          'CLEAN',
          this.#last === 'RECLAIM' ? { certificate: this.#context.certificate('reclaimed') } : {},
        )
        return
      case 'close': {
        const kept = this.#last === 'ABORT' || this.#last === 'RECLAIM'
        const why = this.#journal.find('ABORT')?.body.why ?? this.#journal.find('RECLAIM')?.body.why
        this.#journal.close({
          outcome: kept ? 'stayed' : 'moved',
          bytes: this.#bytes,
          ...(why === undefined ? {} : { why }),
        })
        log.info('closed', { outcome: kept ? 'stayed' : 'moved' })
        return
      }
      case 'wait':
        return
    }
  }

  #renameBack(domid: number): Promise<void> {
    const { hypervisor } = this.#ports
    return hypervisor.rename(domid, this.#grant.config.name)
  }

  speak(view: SourceView): void {
    for (const word of sourceSays(view))
      if (word === 'closed') this.#context.say('closed', { t: 'closed' }, false)
      else this.#context.say(word, { t: 'certificate', certificate: this.#context.certificate(word) }, false)
  }

  waiting(what: string | undefined, sinceMs: number): void {
    const phase = !this.#transfer
      ? what === undefined
        ? 'recovering'
        : 'waiting'
      : this.#readyGiven || this.#ready
        ? 'handover'
        : this.#started
          ? 'copying'
          : 'connecting'
    this.#context.report(this.#last, phase, this.#transfer?.progress(), what ?? 'working', sinceMs)
  }

  /** Without a journal no step is taken; until READY is given xl can still resume the VM by itself, so let it. */
  async failed(error: unknown): Promise<void> {
    const { log } = this.#ports
    const isJournal = error instanceof HeliotropeError && error.code === 'journal-failed'
    if (!isJournal || this.#readyGiven || (this.#last !== 'PREPARED' && this.#last !== 'HANDOVER')) return
    this.#letGo()
    // Not in recovery: a COMMIT that failed in another process may still be found after a crash.
    if (this.#regular && this.#ports.transfer)
      await this.#runOn().catch(warn => log.warn('the VM still stands still', { error: errorChain(warn) }))
  }

  /** An xl save that has ended resumes nothing any more; and the journal can say nothing but ABORT when it can be written. */
  async #runOn(): Promise<void> {
    const { hypervisor, log } = this.#ports
    const { copy, domain } = this.#look(await hypervisor.find(this.#grant.vm))
    if (copy !== 'suspended' || domain === undefined || !(await this.#ports.xlOfMoveGone())) return
    log.warn('the journal cannot be written: the VM runs on', { domid: domain.domid })
    await hypervisor.resume(domain.domid)
    await hypervisor.unpause(domain.domid)
  }
}

/**
 * The domain the move began with, by boot and domid of PREPARED; another with the same uuid means that the guest was
 * started or rebooted here since.
 * @param held a domain in this state stands still as the move's xl left it: `xl save -p` has resumed it, paused
 */
function lookAt(
  prepared: { domid?: number; bootId?: string } | undefined,
  bootId: string,
  found: DomainSeen[],
  held: 'suspended' | 'paused',
): { copy: SourceCopy; domain?: DomainSeen } {
  const domain = prepared?.bootId === bootId ? found.find(one => one.domid === prepared.domid) : undefined
  if (domain === undefined) {
    const other = found[0]
    return other ? { copy: 'elsewhere', domain: other } : { copy: 'absent' }
  }
  if (domain.state === held) return { copy: 'suspended', domain }
  switch (domain.state) {
    case 'running':
    case 'suspended':
    case 'paused':
      return { copy: domain.state, domain }
    case 'poweroff':
    case 'reboot':
    case 'crashed':
    case 'dying':
      return { copy: 'ended', domain }
  }
}
