/** What the target does next; see source-rules.ts. */
import type { HostCertificateKind } from '@heliotrope/shared'
import type { StorageStands } from './move-fence.js'
import type { Aside, TargetRecord } from './records.js'

/** The target's copy: `building` while xl receives, `paused` complete and never run, `ended` ran and ended, kept. */
export type TargetCopy = 'building' | 'paused' | 'running' | 'ended' | 'absent' | 'unseen'

export interface TargetView {
  last: Exclude<TargetRecord, Aside>
  /** PREPARED is in the journal: before it nothing here can be ours. */
  prepared: boolean
  /** READY was journalled at some time: the source may have committed. */
  everReady: boolean
  live: boolean
  xlGone: boolean
  copy: TargetCopy
  /** The domain bears its own name, not NAME--incoming. */
  nameClean: boolean
  /** The source's control connection stands. */
  sessionUp: boolean
  /** It stood at some time in this process. */
  everConnected: boolean
  started: boolean
  /** xl has said READY. */
  readyRead: boolean
  goFed: boolean
  /** xl has had its last word for too long and does not end. */
  xlHangs: boolean
  /** Why a live move should be given up while that is still ours to say: abort, lost session, broken stream, deadline. */
  giveUp: string | undefined
  got: Readonly<Record<'release' | 'release2' | 'ask' | 'abort' | 'reclaimed', boolean>>
  storage: StorageStands
  /** The source has closed the move. */
  peerClosed: boolean
  announced: boolean
  /** A grant above this move's epochs decides where the VM runs. */
  superseded: boolean
  /** CLEAN is in the journal: whatever the hypervisor shows now belongs to the VM's later life. */
  cleaned: boolean
}

export type TargetAct =
  | { do: 'prepare' }
  | { do: 'start-xl' }
  | { do: 'ready' }
  | { do: 'take-over' }
  | { do: 'take-back' }
  | { do: 'accept'; second: boolean }
  | { do: 'go' }
  | { do: 'feed-go' }
  | { do: 'unpause' }
  | { do: 'running'; counted: boolean }
  | { do: 'refuse'; why: string }
  | { do: 'return' }
  | { do: 'lost' }
  | { do: 'supersede' }
  | { do: 'rename' }
  | { do: 'announce' }
  | { do: 'close-pipes' }
  | { do: 'destroy' }
  | { do: 'clean-up'; detach: boolean }
  | { do: 'close' }
  | { do: 'wait'; for: string }

const wait = (what: string): TargetAct => ({ do: 'wait', for: what })
const refuse = (why: string): TargetAct => ({ do: 'refuse', why })

export function targetStep(view: TargetView): TargetAct {
  switch (view.last) {
    case 'ORDERED':
      return view.live && !view.giveUp
        ? { do: 'prepare' }
        : refuse(view.giveUp ?? 'the mover ended before it was prepared')
    case 'PREPARED':
      return receiving(view)
    case 'READY':
      return holding(view)
    case 'ACCEPT':
      if (view.copy === 'paused' && (view.live || view.xlGone)) return { do: 'go' }
      // No GO record: it never ran here, so the source's copy is the present one.
      if (view.copy === 'absent' && view.xlGone) return { do: 'return' }
      return wait('the hypervisor to show the copy')
    case 'GO':
      return going(view)
    case 'RUNNING':
      return settled(view)
    case 'REFUSE':
      return refused(view)
    case 'SUPERSEDED':
      return dropCopy(view)
    case 'RETURN':
    case 'LOST':
      if (view.got.release2 && view.last === 'RETURN') return { do: 'lost' }
      if (!view.cleaned) return { do: 'clean-up', detach: true }
      return view.got.reclaimed || view.peerClosed ? { do: 'close' } : wait('the source to take the VM back')
  }
}

/** Steps 1 to 4. Before READY is journalled the source cannot have committed: giving up is free. */
function receiving(view: TargetView): TargetAct {
  if (!view.live) return refuse('the mover ended before READY')
  if (view.got.abort) return refuse('the source aborted')
  if (view.giveUp !== undefined) return refuse(view.giveUp)
  if (!view.started) return view.sessionUp ? { do: 'start-xl' } : wait('the source to connect')
  if (view.readyRead && view.copy === 'paused') return { do: 'ready' }
  if (view.xlGone) return refuse('xl ended before READY')
  return wait('the copy to be complete')
}

/** READY: only the source's word or the loss of the copy ends this state; a timer that refuses would double the VM. */
function holding(view: TargetView): TargetAct {
  // Whatever Release may still come is void.
  if (view.superseded) return view.live ? { do: 'close-pipes' } : supersede(view)
  if (view.got.abort) return refuse('the source aborted')
  if (view.got.ask) return refuse('the source asked for it')
  if (view.copy === 'absent' && view.xlGone) return refuse('the copy is gone')
  // A key that is gone is not registered again: the source has evicted it, and runs the VM.
  if (view.storage === 'lost') return refuse('the source has taken the storage back')
  if (view.got.release && view.copy === 'paused')
    return isOurs(view) ? { do: 'accept', second: false } : { do: 'take-over' }
  return wait('the Release of the source')
}

const supersede = (view: TargetView): TargetAct => (view.xlGone ? { do: 'supersede' } : wait('xl to exit'))

function dropCopy(view: TargetView): TargetAct {
  if (view.cleaned) return { do: 'close' }
  const foreign = view.copy === 'running' || (view.copy !== 'absent' && view.nameClean)
  return view.copy !== 'absent' && !foreign ? { do: 'destroy' } : { do: 'clean-up', detach: true }
}

const isOurs = (view: TargetView): boolean => view.storage === 'none' || view.storage === 'ours'

/** GO is journalled: from here only this copy counts. */
function going(view: TargetView): TargetAct {
  if (view.copy === 'running' || view.copy === 'ended') return { do: 'running', counted: false }
  if (view.live && !view.xlGone && !view.goFed) return { do: 'feed-go' }
  if (view.live && view.xlHangs) return { do: 'close-pipes' }
  if (!view.xlGone) return wait('xl to unpause the VM')
  if (view.copy === 'paused') return { do: 'unpause' }
  // It may have run for a moment: old memory at the source must never meet the newer disk (I17).
  if (view.copy === 'absent') return { do: 'running', counted: true }
  return wait('the hypervisor to show the copy')
}

function settled(view: TargetView): TargetAct {
  if (view.live && (view.xlGone || view.xlHangs)) return { do: 'close-pipes' }
  if (!view.cleaned) {
    if (!view.xlGone) return wait('xl to end')
    if (!view.nameClean) return { do: 'rename' }
    if (view.copy === 'running' && !view.announced) return { do: 'announce' }
    return { do: 'clean-up', detach: false }
  }
  return view.peerClosed ? { do: 'close' } : wait('the source to clean up')
}

function refused(view: TargetView): TargetAct {
  if (view.live) return { do: 'close-pipes' }
  const heard = view.got.abort || view.got.reclaimed || view.peerClosed
  // A source that never came has nothing to be told; one that did says Abort, and then hears `done`.
  if (view.cleaned)
    return heard || (!view.everReady && !view.everConnected)
      ? { do: 'close' }
      : wait('the source to note the refusal')
  if (!view.xlGone) return wait('xl to exit')
  if (view.got.release2 && !view.superseded) {
    if (view.copy !== 'paused') return { do: 'lost' }
    // The source has no copy any more: whatever became of the keys, the disk goes with the VM.
    return isOurs(view) ? { do: 'accept', second: true } : { do: 'take-back' }
  }
  const free = view.got.abort || view.got.reclaimed || view.superseded || !view.everReady
  // A complete copy is kept until the source has said that its own runs: it may be the last one.
  if (!free) return wait('the source to take the VM back')
  // Our copy was never fed GO: what runs, or bears the VM's own name, came here another way and is not ours to destroy.
  const foreign = !view.prepared || view.copy === 'running' || (view.copy !== 'absent' && view.nameClean)
  if (view.copy !== 'absent' && !foreign) return { do: 'destroy' }
  return { do: 'clean-up', detach: true }
}

/** What the target answers, again each time the source repeats its own word. `ready` belongs to the live session only. */
export function targetSays(view: TargetView): (HostCertificateKind | 'listening' | 'ready' | 'done')[] {
  switch (view.last) {
    case 'READY':
      return view.live ? ['ready'] : []
    case 'RUNNING':
      return ['accept']
    case 'REFUSE':
      return ['refuse']
    case 'RETURN':
      return ['return']
    case 'LOST':
      return ['lost']
    case 'ORDERED':
    case 'PREPARED':
    case 'ACCEPT':
    case 'GO':
    case 'SUPERSEDED':
      return []
  }
}
