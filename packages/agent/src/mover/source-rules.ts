/**
 * What the source does next, as a pure function of what its journal, its hypervisor and the messages say. The live
 * mover and a recovering one use the same rules; each rule stands in model/saga.pml, which says what happens to
 * the VM without it.
 */
import type { HostCertificateKind } from '@heliotrope/shared'
import type { FenceKind } from '../ports.js'
import type { StorageStands } from './move-fence.js'
import type { Aside, SourceRecord } from './records.js'

/**
 * The source's copy. `suspended`: stands still as the move's xl left it, which a regular move shows as a paused domain;
 * `paused`: stands still for another reason. `elsewhere`: a domain with this uuid runs here that is not the one the move
 * began with (the guest rebooted). `ended`: it powered off, crashed or rebooted and is kept by xl. `unseen`: not looked at this time.
 */
export type SourceCopy = 'running' | 'suspended' | 'paused' | 'ended' | 'absent' | 'elsewhere' | 'unseen'

export interface SourceView {
  last: Exclude<SourceRecord, Aside>
  /** PREPARED is in the journal, and not an ABORT that knows that nothing was touched. */
  prepared: boolean
  /** This process holds xl's pipes. False: it recovers what another began, or has let go. */
  live: boolean
  /** No xl or save helper of this move lives here. */
  xlGone: boolean
  copy: SourceCopy
  /** The domain bears its own name, not NAME--migratedaway. */
  nameClean: boolean
  started: boolean
  /** The target's xl waits for the stream. */
  listening: boolean
  streamSent: boolean
  /** READY of the target has arrived in the session of this process. */
  ready: boolean
  /** Disk queues of the suspended VM are empty and flushed (step 5). */
  drained: boolean
  readyGiven: boolean
  /** READY was given, and xl will not resume the VM any more: it has said GO, or saved it and ended. */
  goRead: boolean
  reportGiven: boolean
  /** xl has had its last word for too long and does not end. */
  xlHangs: boolean
  /** Why a live move should be given up while that is still ours to say: abort, deadline, lost session, xl's exit. */
  giveUp: string | undefined
  /** The target has been silent since COMMIT for longer than the limit. */
  askDue: boolean
  /** It has been silent for so long that the storage may decide. */
  evictDue: boolean
  fence: FenceKind
  storage: StorageStands
  got: Readonly<Record<'accept' | 'refuse' | 'return' | 'lost', boolean>>
  /** The target keeps nothing of the move any more. */
  peerDone: boolean
  /** A grant above this move's epochs decides where the VM runs. */
  superseded: boolean
  /** CLEAN is in the journal: whatever the hypervisor shows now belongs to the VM's later life. */
  cleaned: boolean
}

export type SourceAct =
  | { do: 'prepare' }
  | { do: 'start-xl' }
  | { do: 'give-ready' }
  | { do: 'commit' }
  | { do: 'abort'; why: string }
  | { do: 'close-pipes' }
  | { do: 'resume' }
  | { do: 'rename-back' }
  | { do: 'released' }
  | { do: 'give-report' }
  | { do: 'destroy' }
  | { do: 'take-over' }
  | { do: 'take-back' }
  | { do: 'reclaim'; why: string }
  | { do: 'commit2' }
  | { do: 'supersede' }
  | { do: 'pause-lower-epoch' }
  | { do: 'clean-up'; detach: boolean }
  | { do: 'close' }
  | { do: 'wait'; for: string }

const wait = (what: string): SourceAct => ({ do: 'wait', for: what })

export function sourceStep(view: SourceView): SourceAct {
  switch (view.last) {
    case 'ORDERED':
      return view.live && !view.giveUp
        ? { do: 'prepare' }
        : { do: 'abort', why: view.giveUp ?? 'the mover ended before it was prepared' }
    case 'PREPARED':
    case 'HANDOVER':
      return view.live ? copying(view) : interrupted(view)
    case 'ABORT':
    case 'RECLAIM':
      return keepVm(view)
    case 'COMMIT':
      return committed(view)
    case 'COMMIT2':
      if (view.got.accept) return { do: 'released' }
      if (view.superseded) return supersede(view)
      if (view.got.lost)
        return { do: 'reclaim', why: 'both copies are gone: the VM needs a cold boot by grant' }
      return wait('the target to accept the second Release')
    case 'RELEASED':
      return leaveVm(view)
    case 'SUPERSEDED':
      return dropCopy(view)
  }
}

/** Steps 3 to 7. Giving up comes first: until COMMIT is journalled the VM is ours, even with GO read. */
function copying(view: SourceView): SourceAct {
  if (view.giveUp !== undefined) return { do: 'abort', why: view.giveUp }
  if (view.goRead) return { do: 'commit' }
  if (!view.started) {
    if (!view.listening) return wait('the target to listen')
    // Somebody else has it in hand. Nothing of ours has touched it, and nothing of ours will.
    if (view.copy !== 'running' && view.copy !== 'unseen')
      return { do: 'abort', why: `the VM is ${view.copy} before its copy began, and not by this move` }
    return { do: 'start-xl' }
  }
  if (!view.streamSent || !view.ready) return wait('the copy to be complete')
  if (!view.readyGiven) return view.drained ? { do: 'give-ready' } : wait('the disk queues to drain')
  return wait('xl to give GO')
}

/** Journal before COMMIT, pipes lost with an earlier process: xl resumes by itself or leaves the VM suspended. */
function interrupted(view: SourceView): SourceAct {
  return view.xlGone
    ? { do: 'abort', why: 'the mover ended before the hand-over' }
    : wait('xl of the interrupted move to exit')
}

/** ABORT at e or RECLAIM at e+2: the VM stays here. */
function keepVm(view: SourceView): SourceAct {
  if (view.live) return { do: 'close-pipes' }
  // xl resumes by itself after an early abort; acting beside it would meet it half way.
  if (!view.cleaned) {
    if (!view.xlGone) return wait('xl to exit')
    // We paused it ourselves when it ran below its epoch; now the epoch is ours again.
    const waits = view.copy === 'suspended' || (view.last === 'RECLAIM' && view.copy === 'paused')
    if (view.prepared && waits)
      // Past COMMIT the target may have taken the storage over: it is taken back before the VM can write.
      return view.last === 'ABORT' || isOurs(view) ? { do: 'resume' } : { do: 'take-back' }
    if (view.prepared && !view.nameClean) return { do: 'rename-back' }
    return { do: 'clean-up', detach: false }
  }
  return view.peerDone ? { do: 'close' } : wait('the target to drop its copy')
}

const isOurs = (view: SourceView): boolean => view.storage === 'none' || view.storage === 'ours'

/** Step 7 done: only the target's word, or a storage that lets it write no more, gives the VM back. No timer does. */
function committed(view: SourceView): SourceAct {
  if (view.got.accept) return { do: 'released' }
  if (view.superseded) return supersede(view)
  const given = view.got.refuse || view.got.return
  if (given && (view.copy === 'suspended' || view.copy === 'paused')) {
    // Only a source that holds its copy takes the storage back.
    if (!isOurs(view)) return { do: 'take-back' }
    return { do: 'reclaim', why: view.got.refuse ? 'the target refused' : 'the target returned it' }
  }
  if (view.got.return && view.copy === 'absent')
    return { do: 'reclaim', why: 'both copies are gone: the VM needs a cold boot by grant' }
  if (view.got.refuse && view.copy === 'absent') return { do: 'commit2' }
  // Nobody may run the VM here after the Release; somebody resumed it by hand.
  if (view.copy === 'running') return { do: 'pause-lower-epoch' }
  // A target whose key is evicted before it has evicted ours can never accept.
  if (view.fence === 'pr' && view.copy === 'suspended') {
    if (view.storage === 'ours')
      return { do: 'reclaim', why: 'the target can never accept: its key is evicted' }
    if (view.storage === 'unseen' && view.evictDue) return { do: 'take-over' }
    if (view.storage === 'lost')
      return wait('the target to say what became of the VM: it has taken the storage over')
  }
  return wait('the target to accept or refuse')
}

/** A failover grant has voided the Release: nothing is handed over, and this copy may be older than the disk. */
function supersede(view: SourceView): SourceAct {
  if (view.live) return { do: 'close-pipes' }
  return view.xlGone ? { do: 'supersede' } : wait('xl to exit')
}

function dropCopy(view: SourceView): SourceAct {
  if (view.cleaned) return { do: 'close' }
  if (view.copy === 'running') return { do: 'pause-lower-epoch' }
  if (view.copy === 'suspended' || view.copy === 'paused') return { do: 'destroy' }
  return { do: 'clean-up', detach: true }
}

/** Step 9: the target runs it. */
function leaveVm(view: SourceView): SourceAct {
  if (!view.cleaned) {
    if (view.live && !view.xlGone && !view.reportGiven) return { do: 'give-report' }
    if (view.live && view.xlHangs) return { do: 'close-pipes' }
    if (!view.xlGone) return wait('xl to destroy its copy')
    if (view.copy === 'suspended') return { do: 'destroy' }
    // Two places at once: the lower epoch is paused, and nothing is destroyed.
    if (view.copy === 'running') return { do: 'pause-lower-epoch' }
    if (view.copy === 'paused') return wait('somebody to destroy the paused copy, which is below its epoch')
    return { do: 'clean-up', detach: true }
  }
  return view.peerDone ? { do: 'close' } : wait('the target to note that the move is closed')
}

/** What the source says, and keeps saying until it is answered. `closed` is no certificate: it lets the target forget. */
export function sourceSays(view: SourceView): (HostCertificateKind | 'closed')[] {
  switch (view.last) {
    case 'ORDERED':
    case 'PREPARED':
    case 'HANDOVER':
    case 'SUPERSEDED':
      return []
    case 'ABORT':
      return ['abort']
    case 'COMMIT':
      // Only a source that still holds its copy may ask for a Refuse: otherwise nobody would have one.
      return view.askDue && view.copy === 'suspended' ? ['release', 'ask'] : ['release']
    case 'COMMIT2':
      return ['release2']
    case 'RECLAIM':
      // The target drops its copy on this word: not before ours runs, or is known to be gone.
      return view.cleaned ? ['reclaimed'] : []
    case 'RELEASED':
      return view.cleaned ? ['closed'] : []
  }
}
