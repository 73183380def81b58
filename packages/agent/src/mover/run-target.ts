/** The target side of one move, live or in recovery: observes for target-rules.ts and does what they say. */
import type { GrantBody, Ms } from '@heliotrope/shared'
import type { DomainSeen } from '../ports.js'
import type { PeerMessage } from './peer-messages.js'
import type { MoveOrder, TargetPorts } from './ports.js'
import { MoveFence } from './move-fence.js'
import type { StorageStands } from './move-fence.js'
import { attachDisks, checkTarget, detachDisks } from './prepare-target.js'
import type { TargetPreparation } from './prepare-target.js'
import { moveJournal } from './records.js'
import type { MoveJournal, TargetRecord } from './records.js'
import { SideContext } from './side-context.js'
import type { SideOptions } from './side-context.js'
import { SideLoop } from './side-loop.js'
import type { Side } from './side-loop.js'
import { targetSays, targetStep } from './target-rules.js'
import type { TargetAct, TargetCopy, TargetView } from './target-rules.js'

export interface TargetOptions extends SideOptions {
  /** Memory promised to other open moves to this host. */
  promisedMiB: TargetPreparation['promisedMiB']
  /** How long after PREPARED the source may take to connect; READY is not recorded yet, so a timer may refuse. */
  connectMs: number
}

/** How long xl may take to unpause and end after GO. */
const XL_END_MS = 60_000
/** How long a look at the paused copy holds in a live hand-over. */
const FRESH_MS = 2_000

/** Runs until the move is closed on this side. The stream must hold ORDERED. */
export async function runTarget(ports: TargetPorts, order: MoveOrder, options: TargetOptions): Promise<void> {
  await new TargetSide(ports, order, options).run()
}

/** What this process knows of the move beside the journal, and what it does on the word of the rules. */
class TargetSide implements Side<TargetView, TargetAct> {
  readonly #ports: TargetPorts
  readonly #order: MoveOrder
  readonly #options: TargetOptions
  readonly #context: SideContext
  readonly #grant: GrantBody
  readonly #journal: MoveJournal<TargetRecord>
  readonly #fence: MoveFence
  readonly #loop = new SideLoop()
  readonly step = targetStep
  readonly #begun: Ms
  /** Absent in recovery, and once it was let go. */
  #transfer: TargetPorts['transfer']
  #started = false
  #goFed = false
  #announced = false
  #goAt: Ms = 0
  #wasConnected = false
  #broken: string | undefined
  #bytes = 0
  #last: TargetRecord = 'ORDERED'
  #stands: StorageStands = 'unseen'
  #heard = false
  #seen: { copy: TargetCopy; domain?: DomainSeen } | undefined
  #seenAt: Ms = 0

  constructor(ports: TargetPorts, order: MoveOrder, options: TargetOptions) {
    this.#ports = ports
    this.#order = order
    this.#options = options
    this.#context = new SideContext(ports, order, options)
    this.#grant = this.#context.grant
    this.#journal = moveJournal<TargetRecord>(ports.journal, 'target', this.#grant.move)
    this.#fence = new MoveFence(ports.storage, this.#grant, 'target', ports.log)
    this.#transfer = ports.transfer
    this.#begun = ports.clock.mono()
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
    const { peer } = this.#ports
    peer.onMessage = (message: PeerMessage) => {
      if (message.t === 'certificate') this.#context.receive(message.certificate)
      else if (message.t === 'closed') this.#context.peerFinished = true
      this.#heard ||= message.t === 'certificate'
      this.#loop.wake()
    }
    peer.onChange = () => {
      if (peer.connected) {
        this.#wasConnected = true
        this.#context.forgetSaid()
      } else if (this.#wasConnected) this.#broken ??= 'the connection to the source was lost'
      this.#loop.wake()
    }

    if (this.#transfer) this.#transfer.onChange = () => this.#loop.wake()
  }

  #giveUp(): string | undefined {
    const { clock } = this.#ports
    if (this.#context.abortRequested !== undefined) return this.#context.abortRequested
    if (this.#broken !== undefined) return this.#broken
    if (this.#transfer?.broken !== undefined) return this.#transfer.broken
    if (this.#started && this.#transfer?.xlExited) return 'xl migrate-receive ended before READY'
    if (!this.#wasConnected && clock.mono() - this.#begun > this.#options.connectMs)
      return 'the source never connected'
    if (clock.mono() - this.#begun > this.#options.connectMs + this.#order.limits.copyMs)
      return 'the copy took too long'
    return undefined
  }

  async observe(): Promise<TargetView> {
    const { clock, hypervisor, peer } = this.#ports
    this.#context.readInbox()
    this.#last = this.#journal.standing()?.kind ?? 'ORDERED'
    const cleaned = this.#journal.find('CLEAN') !== undefined
    const live = this.#transfer !== undefined
    const everReady = this.#journal.find('READY') !== undefined
    const readyRead = this.#transfer?.readyRead ?? false
    // While the copy arrives there is nothing to see that would change a decision.
    const look = !cleaned && (!live || readyRead || (this.#last !== 'ORDERED' && this.#last !== 'PREPARED'))
    // Between READY and GO only this process can change the copy; each look costs the guest time in which it stands still.
    const fresh =
      live &&
      !this.#transfer!.xlExited &&
      !this.#goFed &&
      this.#seen?.copy === 'paused' &&
      clock.mono() - this.#seenAt < FRESH_MS
    if (look && !fresh) {
      this.#seen = lookAt(await hypervisor.find(this.#grant.vm), everReady || readyRead)
      this.#seenAt = clock.mono()
    }
    const prepared = this.#journal.find('PREPARED')
    const fenced = (prepared?.body.fence ?? 'none') !== 'none'
    // No Release came and the source has the VM again: it has evicted us, or it would have had to ask.
    if (
      fenced &&
      this.#last === 'READY' &&
      this.#context.got.has('reclaimed') &&
      !(await this.#fence.holds())
    )
      this.#stands = 'lost'
    return {
      last: this.#last as TargetView['last'],
      prepared: prepared !== undefined,
      everReady,
      live,
      xlGone:
        cleaned || (live ? !this.#started || this.#transfer!.xlExited : await this.#ports.xlOfMoveGone()),
      copy: (look ? this.#seen?.copy : undefined) ?? 'unseen',
      nameClean: this.#seen?.domain === undefined || this.#seen.domain.name === this.#grant.config.name,
      sessionUp: peer.connected,
      everConnected: this.#wasConnected,
      started: this.#started,
      readyRead,
      goFed: this.#goFed,
      xlHangs: this.#goFed && clock.mono() - this.#goAt > XL_END_MS,
      giveUp: live ? this.#giveUp() : undefined,
      got: {
        release: this.#context.got.has('release'),
        release2: this.#context.got.has('release2'),
        ask: this.#context.got.has('ask'),
        abort: this.#context.got.has('abort'),
        reclaimed: this.#context.got.has('reclaimed'),
      },
      storage: fenced ? this.#stands : 'none',
      peerClosed: this.#context.peerFinished || this.#context.superseded,
      superseded: this.#context.superseded,
      announced: this.#announced,
      cleaned,
    }
  }

  #letGo(): void {
    if (!this.#transfer) return
    this.#bytes = this.#transfer.progress().bytes
    this.#transfer.closePipes()
    this.#transfer = undefined
  }

  #domid(): number {
    return this.#seen?.domain?.domid ?? -1
  }

  async perform(act: TargetAct): Promise<void> {
    const { clock, hypervisor, log, storage } = this.#ports
    switch (act.do) {
      case 'prepare':
        try {
          await checkTarget(this.#grant, { hypervisor, storage, promisedMiB: this.#options.promisedMiB })
          await attachDisks(this.#grant, storage)
          this.#journal.append('PREPARED', {
            bootId: this.#ports.bootId,
            fence: await this.#fence.prepareTarget(),
          })
          log.info('prepared')
        } catch (error) {
          this.#context.abortRequested = (error as Error).message
        }
        return
      case 'start-xl':
        this.#transfer?.start()
        this.#started = true
        return
      case 'ready':
        this.#transfer?.closeStdout()
        this.#journal.append('READY', {
          domid: this.#domid(),
          bytes: this.#transfer?.progress().bytes ?? 0,
          ...(this.#transfer?.made !== undefined && { made: this.#transfer.made }),
        })
        // At once: the VM stands still from here on.
        this.#context.say('ready', { t: 'ready' }, true)
        return
      case 'take-over':
        this.#stands = await this.#fence.takeOver()
        return
      case 'take-back':
        this.#stands = await this.#fence.takeBack()
        return
      case 'accept':
        this.#journal.append('ACCEPT', {
          certificate: this.#context.got.get(act.second ? 'release2' : 'release'),
        })
        return
      case 'go':
        this.#journal.append('GO', {})
        return
      case 'feed-go':
        this.#transfer?.feedGo()
        this.#goFed = true
        this.#goAt = clock.mono()
        return
      case 'unpause': {
        const id = this.#domid()
        await hypervisor.rename(id, this.#grant.config.name)
        return hypervisor.unpause(id)
      }
      case 'running':
        this.#journal.append('RUNNING', {
          domid: this.#domid(),
          epoch: this.#grant.epoch + this.#acceptOffset(),
          certificate: this.#context.certificate('accept', this.#acceptOffset()),
          ...(act.counted ? { why: 'GO was recorded and the copy is gone: it counts as ran' } : {}),
        })
        log.info('the VM runs here', { epoch: this.#grant.epoch + this.#acceptOffset() })
        return
      case 'refuse':
        // From here the source may take it back at any time.
        this.#stands = 'unseen'
        this.#journal.append('REFUSE', { why: act.why, certificate: this.#context.certificate('refuse') })
        log.warn('refused', { why: act.why })
        return
      case 'return':
        this.#journal.append('RETURN', { certificate: this.#context.certificate('return') })
        return
      case 'lost':
        this.#journal.append('LOST', { certificate: this.#context.certificate('lost') })
        return
      case 'rename':
        return hypervisor.rename(this.#domid(), this.#grant.config.name)
      case 'announce':
        this.#announced = true
        await this.#ports
          .announce()
          .catch((error: unknown) => log.warn('announce failed', { error: String(error) }))
        return
      case 'close-pipes':
        return this.#letGo()
      case 'supersede':
        this.#journal.append('SUPERSEDED', { why: 'a later grant has given the VM to another host' })
        return
      case 'destroy':
        return hypervisor.destroy(this.#domid())
      case 'clean-up':
        this.#letGo()
        if (act.detach) await detachDisks(this.#grant, storage, log)
        else if ((this.#journal.find('PREPARED')?.body.fence ?? 'none') !== 'none') await this.#fence.keep()
        this.#journal.append('CLEAN', {})
        return
      case 'close': {
        const ran = this.#last === 'RUNNING'
        const why = this.#journal.find('REFUSE')?.body.why
        this.#journal.close({
          outcome: ran ? 'moved' : 'stayed',
          bytes: this.#bytes,
          ...(why === undefined ? {} : { why }),
        })
        this.#context.say('done', { t: 'done' }, true)
        log.info('closed', { outcome: ran ? 'moved' : 'stayed' })
        return
      }
      case 'wait':
        return
    }
  }

  /** The Accept after a second Release carries e+3. */
  #acceptOffset(): 1 | 3 {
    const accepted = this.#journal.all().findLast(record => record.kind === 'ACCEPT')
    return accepted?.body.certificate?.body.kind === 'release2' ? 3 : 1
  }

  speak(view: TargetView): void {
    if (this.#transfer?.bannerRead && view.last === 'PREPARED')
      this.#context.say('listening', { t: 'listening' }, false)
    for (const word of targetSays(view))
      if (word === 'ready' || word === 'listening' || word === 'done')
        this.#context.say(word, { t: word }, false)
      else {
        const offset = word === 'accept' ? this.#acceptOffset() : undefined
        this.#context.say(
          word,
          { t: 'certificate', certificate: this.#context.certificate(word, offset) },
          this.#heard,
        )
      }
    this.#heard = false
  }

  waiting(what: string | undefined, sinceMs: number): void {
    const phase =
      this.#last === 'READY' || this.#last === 'ACCEPT' || this.#last === 'GO'
        ? 'handover'
        : !this.#transfer
          ? 'waiting'
          : this.#started
            ? 'copying'
            : 'connecting'
    this.#context.report(this.#last, phase, this.#transfer?.progress(), what ?? 'working', sinceMs)
  }
}

/** @param complete xl has said READY at some time: before that a paused domain is one that is being built */
function lookAt(found: DomainSeen[], complete: boolean): { copy: TargetCopy; domain?: DomainSeen } {
  const domain = found[0]
  if (domain === undefined) return { copy: 'absent' }
  switch (domain.state) {
    case 'running':
      return { copy: 'running', domain }
    case 'paused':
      return { copy: complete ? 'paused' : 'building', domain }
    case 'suspended':
      return { copy: 'building', domain }
    case 'poweroff':
    case 'reboot':
    case 'crashed':
    case 'dying':
      return { copy: 'ended', domain }
  }
}
