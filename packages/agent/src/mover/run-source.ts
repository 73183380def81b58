/** The source side of one move, live or in recovery: observes for source-rules.ts and does what they say. */
import { errorChain, HeliotropeError } from '@heliotrope/shared'
import type { DomainSeen } from '../ports.js'
import type { PeerMessage } from './peer-messages.js'
import type { MoveOrder, SourcePorts } from './ports.js'
import { MoveFence } from './move-fence.js'
import type { StorageStands } from './move-fence.js'
import { checkSource } from './prepare-source.js'
import { detachDisks } from './prepare-target.js'
import { moveJournal } from './records.js'
import type { SourceRecord } from './records.js'
import { SideContext } from './side-context.js'
import type { SideOptions } from './side-context.js'
import { SideLoop } from './side-loop.js'
import { sourceSays, sourceStep } from './source-rules.js'
import type { SourceAct, SourceCopy, SourceView } from './source-rules.js'

/** After so many times the limit for an answer, the storage may decide. */
const EVICT_AFTER = 2
/** How long xl may take to destroy its copy after the report. */
const XL_END_MS = 60_000

/** Runs until the move is closed on this side. The stream must hold ORDERED. */
export async function runSource(ports: SourcePorts, order: MoveOrder, options: SideOptions): Promise<void> {
  const { clock, hypervisor, log, peer, storage } = ports
  const context = new SideContext(ports, order, options)
  const { grant } = context
  const journal = moveJournal<SourceRecord>(ports.journal, 'source', grant.move)
  const fence = new MoveFence(storage, grant, 'source', log)
  const loop = new SideLoop()
  let transfer = ports.transfer
  const regular = grant.how === 'regular'
  const begun = { at: clock.mono(), readyAt: 0, committedAt: 0, suspendedAt: 0, reportAt: 0 }
  let started = false
  let listening = false
  let ready = false
  let readyGiven = false
  let reportGiven = false
  let wasConnected = false
  let broken: string | undefined
  let bytes = 0
  let last: SourceRecord = 'ORDERED'
  let stands: StorageStands = 'unseen'

  peer.onMessage = (message: PeerMessage) => {
    if (message.t === 'listening') listening = true
    else if (message.t === 'ready' && transfer) {
      ready = true
      begun.readyAt ||= clock.mono()
    } else if (message.t === 'certificate') context.receive(message.certificate)
    else if (message.t === 'done') context.peerFinished = true
    loop.wake()
  }
  peer.onChange = () => {
    if (peer.connected) {
      wasConnected = true
      context.forgetSaid()
    } else if (wasConnected) broken ??= 'the connection to the target was lost'
    loop.wake()
  }

  if (transfer) transfer.onChange = () => loop.wake()

  const giveUp = (): string | undefined => {
    if (context.abortRequested !== undefined) return context.abortRequested
    if (broken !== undefined) return broken
    if (transfer?.broken !== undefined) return transfer.broken
    // It may come by the coordinator alone, when the target gave up before we ever reached it.
    if (context.got.has('refuse')) return 'the target refused'
    const now = clock.mono()
    // The VM stands still from here on, whatever the target does with it.
    const still = begun.suspendedAt || begun.readyAt
    if (still > 0 && now - still > (regular ? order.limits.stillMs : order.limits.handoverMs))
      return regular ? 'the VM stood still for too long' : 'the hand-over took too long'
    if (now - begun.at > order.limits.copyMs) return 'the copy took too long'
    if (!started && clock.wall() > grant.startBefore) return 'the grant expired before the copy began'
    return undefined
  }

  const look = (found: DomainSeen[]): ReturnType<typeof lookAt> => {
    const held = regular && journal.find('PAUSED') === undefined ? 'paused' : 'suspended'
    return lookAt(journal.find('PREPARED')?.body, ports.bootId, found, held)
  }

  const observe = async (): Promise<SourceView> => {
    context.readInbox()
    last = journal.standing()?.kind ?? 'ORDERED'
    const cleaned = journal.find('CLEAN') !== undefined
    const live = transfer !== undefined
    if (transfer?.streamSent) begun.suspendedAt ||= clock.mono()
    // While the copy runs the hypervisor is left alone: the end of the stream implies that the VM is suspended.
    const copies = live && (last === 'ORDERED' || last === 'PREPARED' || last === 'HANDOVER')
    const begins = last === 'PREPARED' && listening && !started
    const looks = !cleaned && (!copies || begins)
    const seen = looks ? look(await hypervisor.find(grant.vm)) : undefined
    const drained =
      last === 'PREPARED' && ready && !readyGiven && transfer?.streamSent
        ? await hypervisor.drained(journal.find('PREPARED')?.body.domid ?? -1)
        : false
    const prepared = journal.find('PREPARED')
    const silentMs = clock.mono() - (begun.committedAt || begun.at)
    return {
      last: last as SourceView['last'],
      prepared: prepared !== undefined && journal.find('ABORT')?.body.untouched !== true,
      live,
      xlGone: cleaned || (live ? !started || transfer!.xlExited : await ports.xlOfMoveGone()),
      copy: seen?.copy ?? 'unseen',
      nameClean: !seen?.domain || seen.copy === 'elsewhere' || seen.domain.name === grant.config.name,
      started,
      listening,
      streamSent: transfer?.streamSent ?? false,
      ready,
      drained,
      readyGiven,
      goRead: transfer?.goRead ?? false,
      reportGiven,
      xlHangs: reportGiven && clock.mono() - begun.reportAt > XL_END_MS,
      giveUp: live ? giveUp() : undefined,
      askDue: silentMs > order.limits.askMs,
      evictDue: silentMs > EVICT_AFTER * order.limits.askMs,
      fence: prepared?.body.fence ?? 'none',
      storage: (prepared?.body.fence ?? 'none') === 'none' ? 'none' : stands,
      got: {
        accept: context.got.has('accept'),
        refuse: context.got.has('refuse'),
        return: context.got.has('return'),
        lost: context.got.has('lost'),
      },
      peerDone: context.peerFinished || context.superseded,
      superseded: context.superseded,
      cleaned,
    }
  }

  const letGo = (): void => {
    if (!transfer) return
    bytes = transfer.progress().bytes
    transfer.closePipes()
    transfer = undefined
  }

  const perform = async (act: SourceAct): Promise<void> => {
    const domid = journal.find('PREPARED')?.body.domid
    switch (act.do) {
      case 'prepare':
        try {
          const kind = await fence.prepareSource()
          // The look comes last: what others do to the VM between it and the record would pass for ours.
          const prepared = { ...(await checkSource(grant, hypervisor)), fence: kind }
          journal.append('PREPARED', { ...prepared, bootId: ports.bootId })
          log.info('prepared', prepared)
        } catch (error) {
          context.abortRequested = (error as Error).message
        }
        return
      case 'start-xl':
        transfer?.start(domid!)
        started = true
        // A live copy leaves the VM running until the end of the stream, a regular one does not.
        if (regular) begun.suspendedAt = clock.mono()
        return
      case 'give-ready':
        journal.append('HANDOVER', {})
        transfer?.giveReady()
        readyGiven = true
        return
      case 'commit': {
        const certificate = context.certificate('release')
        journal.append('COMMIT', { certificate, bytes: transfer?.progress().bytes ?? 0 })
        begun.committedAt = clock.mono()
        // At once: the VM stands still until the target has it.
        context.say('release', { t: 'certificate', certificate }, true)
        log.info('committed: the VM is released to the target')
        return
      }
      case 'abort':
        journal.append('ABORT', {
          why: act.why,
          certificate: context.certificate('abort'),
          // This process knows that xl was never started; one that recovers cannot.
          ...(transfer && !started && { untouched: true }),
        })
        log.warn('aborted', { why: act.why })
        return
      case 'close-pipes':
        return letGo()
      case 'resume':
        await renameBack(domid!)
        await hypervisor.resume(domid!)
        await hypervisor.unpause(domid!)
        log.info('resumed: the VM runs here')
        return
      case 'rename-back':
        return renameBack(domid!)
      case 'released': {
        const certificate = context.got.get('accept')
        const stillMs = begun.suspendedAt > 0 ? clock.mono() - begun.suspendedAt : undefined
        journal.append('RELEASED', stillMs === undefined ? { certificate } : { certificate, stillMs })
        log.info('released: the VM runs at the target')
        return
      }
      case 'give-report':
        transfer?.giveReport()
        reportGiven = true
        begun.reportAt = clock.mono()
        return
      case 'supersede':
        journal.append('SUPERSEDED', { why: 'a later grant has given the VM to another host' })
        return
      case 'destroy':
        return hypervisor.destroy(domid!)
      case 'take-over':
        stands = await fence.takeOver()
        log.warn('the target is silent: the storage was asked', { stands })
        return
      case 'take-back':
        stands = await fence.takeBack()
        return
      case 'reclaim':
        journal.append('RECLAIM', {
          why: act.why,
          certificate: context.got.get('refuse') ?? context.got.get('return'),
        })
        log.warn('reclaimed', { why: act.why })
        return
      case 'commit2':
        journal.append('COMMIT2', { certificate: context.certificate('release2') })
        return
      case 'pause-lower-epoch':
        log.error('the VM runs here below its epoch: paused', { domid })
        // What has run is never again taken for the copy that the move holds.
        if (!journal.find('PAUSED')) journal.append('PAUSED', { domid: domid! })
        return hypervisor.pause(domid!)
      case 'clean-up':
        letGo()
        if (act.detach) await detachDisks(grant, storage, log)
        // Reclaimed is true from here on; only a journalled word finds its way by the coordinator.
        journal.append('CLEAN', last === 'RECLAIM' ? { certificate: context.certificate('reclaimed') } : {})
        return
      case 'close': {
        const kept = last === 'ABORT' || last === 'RECLAIM'
        const why = journal.find('ABORT')?.body.why ?? journal.find('RECLAIM')?.body.why
        journal.close({ outcome: kept ? 'stayed' : 'moved', bytes, ...(why === undefined ? {} : { why }) })
        log.info('closed', { outcome: kept ? 'stayed' : 'moved' })
        return
      }
      case 'wait':
        return
    }
  }

  const renameBack = (domid: number): Promise<void> => hypervisor.rename(domid, grant.config.name)

  const speak = (view: SourceView): void => {
    for (const word of sourceSays(view))
      if (word === 'closed') context.say('closed', { t: 'closed' }, false)
      else context.say(word, { t: 'certificate', certificate: context.certificate(word) }, false)
  }

  const waiting = (what: string | undefined, sinceMs: number): void => {
    const phase = !transfer
      ? what === undefined
        ? 'recovering'
        : 'waiting'
      : readyGiven || ready
        ? 'handover'
        : started
          ? 'copying'
          : 'connecting'
    context.report(last, phase, transfer?.progress(), what ?? 'working', sinceMs)
  }

  /** Without a journal no step is taken; until READY is given xl can still resume the VM by itself, so let it. */
  const failed = async (error: unknown): Promise<void> => {
    const isJournal = error instanceof HeliotropeError && error.code === 'journal-failed'
    if (!isJournal || readyGiven || (last !== 'PREPARED' && last !== 'HANDOVER')) return
    letGo()
    // Not in recovery: a COMMIT that failed in another process may still be found after a crash.
    if (regular && ports.transfer)
      await runOn().catch(warn => log.warn('the VM still stands still', { error: errorChain(warn) }))
  }

  /** An xl save that has ended resumes nothing any more; and the journal can say nothing but ABORT when it can be written. */
  const runOn = async (): Promise<void> => {
    const { copy, domain } = look(await hypervisor.find(grant.vm))
    if (copy !== 'suspended' || domain === undefined || !(await ports.xlOfMoveGone())) return
    log.warn('the journal cannot be written: the VM runs on', { domid: domain.domid })
    await hypervisor.resume(domain.domid)
    await hypervisor.unpause(domain.domid)
  }

  await peer.start()
  try {
    await loop.run(
      { observe, step: sourceStep, speak, perform, waiting, failed },
      { clock, log, signal: options.signal },
    )
  } finally {
    letGo()
    await peer.stop()
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
