/** The target side of one move, live or in recovery: observes for target-rules.ts and does what they say. */
import type { DomainSeen } from '../ports.js'
import type { PeerMessage } from './peer-messages.js'
import type { MoveOrder, TargetPorts } from './ports.js'
import { MoveFence } from './move-fence.js'
import type { StorageStands } from './move-fence.js'
import { attachDisks, checkTarget, detachDisks } from './prepare-target.js'
import type { TargetPreparation } from './prepare-target.js'
import { moveJournal } from './records.js'
import type { TargetRecord } from './records.js'
import { SideContext } from './side-context.js'
import type { SideOptions } from './side-context.js'
import { SideLoop } from './side-loop.js'
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
  const { clock, hypervisor, log, peer, storage } = ports
  const context = new SideContext(ports, order, options)
  const { grant } = context
  const journal = moveJournal<TargetRecord>(ports.journal, 'target', grant.move)
  const fence = new MoveFence(storage, grant, 'target', log)
  const loop = new SideLoop()
  let transfer = ports.transfer
  const begun = clock.mono()
  let started = false
  let goFed = false
  let announced = false
  let goAt = 0
  let wasConnected = false
  let broken: string | undefined
  let bytes = 0
  let last: TargetRecord = 'ORDERED'
  let stands: StorageStands = 'unseen'
  let heard = false
  let seen: { copy: TargetCopy; domain?: DomainSeen } | undefined
  let seenAt = 0

  peer.onMessage = (message: PeerMessage) => {
    if (message.t === 'certificate') context.receive(message.certificate)
    else if (message.t === 'closed') context.peerFinished = true
    heard ||= message.t === 'certificate'
    loop.wake()
  }
  peer.onChange = () => {
    if (peer.connected) {
      wasConnected = true
      context.forgetSaid()
    } else if (wasConnected) broken ??= 'the connection to the source was lost'
    loop.wake()
  }

  if (transfer) transfer.onChange = () => loop.wake()

  const giveUp = (): string | undefined => {
    if (context.abortRequested !== undefined) return context.abortRequested
    if (broken !== undefined) return broken
    if (transfer?.broken !== undefined) return transfer.broken
    if (started && transfer?.xlExited) return 'xl migrate-receive ended before READY'
    if (!wasConnected && clock.mono() - begun > options.connectMs) return 'the source never connected'
    if (clock.mono() - begun > options.connectMs + order.limits.copyMs) return 'the copy took too long'
    return undefined
  }

  const observe = async (): Promise<TargetView> => {
    context.readInbox()
    last = journal.standing()?.kind ?? 'ORDERED'
    const cleaned = journal.find('CLEAN') !== undefined
    const live = transfer !== undefined
    const everReady = journal.find('READY') !== undefined
    const readyRead = transfer?.readyRead ?? false
    // While the copy arrives there is nothing to see that would change a decision.
    const look = !cleaned && (!live || readyRead || (last !== 'ORDERED' && last !== 'PREPARED'))
    // Between READY and GO only this process can change the copy; each look costs the guest time in which it stands still.
    const fresh =
      live && !transfer!.xlExited && !goFed && seen?.copy === 'paused' && clock.mono() - seenAt < FRESH_MS
    if (look && !fresh) {
      seen = lookAt(await hypervisor.find(grant.vm), everReady || readyRead)
      seenAt = clock.mono()
    }
    const prepared = journal.find('PREPARED')
    const fenced = (prepared?.body.fence ?? 'none') !== 'none'
    // No Release came and the source has the VM again: it has evicted us, or it would have had to ask.
    if (fenced && last === 'READY' && context.got.has('reclaimed') && !(await fence.holds())) stands = 'lost'
    return {
      last: last as TargetView['last'],
      prepared: prepared !== undefined,
      everReady,
      live,
      xlGone: cleaned || (live ? !started || transfer!.xlExited : await ports.xlOfMoveGone()),
      copy: (look ? seen?.copy : undefined) ?? 'unseen',
      nameClean: seen?.domain === undefined || seen.domain.name === grant.config.name,
      sessionUp: peer.connected,
      everConnected: wasConnected,
      started,
      readyRead,
      goFed,
      xlHangs: goFed && clock.mono() - goAt > XL_END_MS,
      giveUp: live ? giveUp() : undefined,
      got: {
        release: context.got.has('release'),
        release2: context.got.has('release2'),
        ask: context.got.has('ask'),
        abort: context.got.has('abort'),
        reclaimed: context.got.has('reclaimed'),
      },
      storage: fenced ? stands : 'none',
      peerClosed: context.peerFinished || context.superseded,
      superseded: context.superseded,
      announced,
      cleaned,
    }
  }

  const letGo = (): void => {
    if (!transfer) return
    bytes = transfer.progress().bytes
    transfer.closePipes()
    transfer = undefined
  }

  const domid = (): number => seen?.domain?.domid ?? -1

  const perform = async (act: TargetAct): Promise<void> => {
    switch (act.do) {
      case 'prepare':
        try {
          await checkTarget(grant, { hypervisor, storage, promisedMiB: options.promisedMiB })
          await attachDisks(grant, storage)
          journal.append('PREPARED', { bootId: ports.bootId, fence: await fence.prepareTarget() })
          log.info('prepared')
        } catch (error) {
          context.abortRequested = (error as Error).message
        }
        return
      case 'start-xl':
        transfer?.start()
        started = true
        return
      case 'ready':
        transfer?.closeStdout()
        journal.append('READY', {
          domid: domid(),
          bytes: transfer?.progress().bytes ?? 0,
          ...(transfer?.made !== undefined && { made: transfer.made }),
        })
        // At once: the VM stands still from here on.
        context.say('ready', { t: 'ready' }, true)
        return
      case 'take-over':
        stands = await fence.takeOver()
        return
      case 'take-back':
        stands = await fence.takeBack()
        return
      case 'accept':
        journal.append('ACCEPT', { certificate: context.got.get(act.second ? 'release2' : 'release') })
        return
      case 'go':
        journal.append('GO', {})
        return
      case 'feed-go':
        transfer?.feedGo()
        goFed = true
        goAt = clock.mono()
        return
      case 'unpause': {
        const id = domid()
        await hypervisor.rename(id, grant.config.name)
        return hypervisor.unpause(id)
      }
      case 'running':
        journal.append('RUNNING', {
          domid: domid(),
          epoch: grant.epoch + acceptOffset(),
          certificate: context.certificate('accept', acceptOffset()),
          ...(act.counted ? { why: 'GO was recorded and the copy is gone: it counts as ran' } : {}),
        })
        log.info('the VM runs here', { epoch: grant.epoch + acceptOffset() })
        return
      case 'refuse':
        // From here the source may take it back at any time.
        stands = 'unseen'
        journal.append('REFUSE', { why: act.why, certificate: context.certificate('refuse') })
        log.warn('refused', { why: act.why })
        return
      case 'return':
        journal.append('RETURN', { certificate: context.certificate('return') })
        return
      case 'lost':
        journal.append('LOST', { certificate: context.certificate('lost') })
        return
      case 'rename':
        return hypervisor.rename(domid(), grant.config.name)
      case 'announce':
        announced = true
        await ports
          .announce()
          .catch((error: unknown) => log.warn('announce failed', { error: String(error) }))
        return
      case 'close-pipes':
        return letGo()
      case 'supersede':
        journal.append('SUPERSEDED', { why: 'a later grant has given the VM to another host' })
        return
      case 'destroy':
        return hypervisor.destroy(domid())
      case 'clean-up':
        letGo()
        if (act.detach) await detachDisks(grant, storage, log)
        else if ((journal.find('PREPARED')?.body.fence ?? 'none') !== 'none') await fence.keep()
        journal.append('CLEAN', {})
        return
      case 'close': {
        const ran = last === 'RUNNING'
        const why = journal.find('REFUSE')?.body.why
        journal.close({ outcome: ran ? 'moved' : 'stayed', bytes, ...(why === undefined ? {} : { why }) })
        context.say('done', { t: 'done' }, true)
        log.info('closed', { outcome: ran ? 'moved' : 'stayed' })
        return
      }
      case 'wait':
        return
    }
  }

  /** The Accept after a second Release carries e+3. */
  const acceptOffset = (): 1 | 3 => {
    const accepted = journal.all().findLast(record => record.kind === 'ACCEPT')
    return accepted?.body.certificate?.body.kind === 'release2' ? 3 : 1
  }

  const speak = (view: TargetView): void => {
    if (transfer?.bannerRead && view.last === 'PREPARED') context.say('listening', { t: 'listening' }, false)
    for (const word of targetSays(view))
      if (word === 'ready' || word === 'listening' || word === 'done') context.say(word, { t: word }, false)
      else {
        const offset = word === 'accept' ? acceptOffset() : undefined
        context.say(word, { t: 'certificate', certificate: context.certificate(word, offset) }, heard)
      }
    heard = false
  }

  const waiting = (what: string | undefined, sinceMs: number): void => {
    const phase =
      last === 'READY' || last === 'ACCEPT' || last === 'GO'
        ? 'handover'
        : !transfer
          ? 'waiting'
          : started
            ? 'copying'
            : 'connecting'
    context.report(last, phase, transfer?.progress(), what ?? 'working', sinceMs)
  }

  await peer.start()
  try {
    await loop.run(
      { observe, step: targetStep, speak, perform, waiting },
      { clock, log, signal: options.signal },
    )
  } finally {
    letGo()
    await peer.stop()
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
