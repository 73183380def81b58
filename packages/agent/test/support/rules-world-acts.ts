/** What each act of the rules does to the world, with the invariants asserted where they can break. */
import type { SourceAct } from '../../src/mover/source-rules.js'
import type { TargetAct } from '../../src/mover/target-rules.js'
import type { WorldOptions } from './rules-world-options.js'
import { Keys, Mover, sj, sourceBit, Sxl, sxlGone, targetBit, tj, Txl, txlGone, Vm } from './rules-world.js'
import type { World } from './rules-world.js'

/** Notes the first violation in the world; the explorer stops there. */
export function hold(w: World, holds: boolean, what: string): void {
  if (!holds && w.bad === '') w.bad = what
}

/** The source's VM runs (again). */
export function sourceRuns(w: World): void {
  hold(w, w.tvm !== Vm.running, 'I1: it would run at both')
  hold(w, w.keys !== Keys.target, 'FENCE: the source runs it before it has taken the disk back')
  hold(w, w.scur === 1, 'I17: the source would run old memory on a newer disk')
  w.svm = Vm.running
  w.tcur = 0
  if (w.stream === 1) w.stream = 2
}

export function targetRuns(w: World): void {
  hold(w, w.svm !== Vm.running, 'I1: it would run at both')
  hold(w, w.keys === Keys.none || w.keys === Keys.target, 'FENCE: the target runs it with the source let in')
  hold(w, w.tcur === 1, 'I17: the target would run old memory on a newer disk')
  w.tvm = Vm.running
  w.scur = 0
}

export function sourceDestroys(w: World): void {
  hold(w, w.scur === 0 || w.tcur === 1 || w.tGoLost === 1, 'I3: the source destroys the last present copy')
  hold(w, w.svm !== Vm.running, 'the source destroys a running VM')
  w.svm = Vm.none
  w.scur = 0
  w.saway = 0
}

export function targetDestroys(w: World): void {
  const counts = w.tcur === 1 && w.scur === 0 && w.sLost === 0 && w.committed === 1
  hold(w, !counts, 'I3: the target destroys the last present copy')
  hold(w, w.tvm !== Vm.running, 'the target destroys a running VM')
  w.tvm = Vm.none
  w.tcur = 0
  w.tX = 0
}

/** What a mover process knows by itself is lost with it. */
export function forgetSource(w: World): void {
  w.smv = Mover.dead
  w.sReady = 0
  w.sGot = 0
  w.sStands = 0
  w.sLook = 0
}

export function forgetTarget(w: World): void {
  w.tmv = Mover.dead
  w.tAnnounced = 0
  w.tMet = 0
  w.tGot = 0
  w.tStands = 0
  w.tLook = 0
}

function owns(w: World, epoch: 'o1' | 'o2' | 'o3', side: 1 | 2): void {
  hold(w, w[epoch] === 0 || w[epoch] === side, `I4: two owners of epoch e+${epoch.slice(1)}`)
  w[epoch] = side
}

/** Acts on the hypervisor or the disks: none of them may come after CLEAN, when the VM may be another move's. */
const touching = [
  'resume',
  'rename-back',
  'destroy',
  'pause-lower-epoch',
  'unpause',
  'rename',
  'clean-up',
  'announce',
]
const CLEAN = 'CLEAN: the VM is touched after it'
/** Cold boots are the fault simulator's and model/boot.pml's business. */
const NO_BOOT = 'SUPERSEDED: by a boot that nobody has granted'

export function actSource(w: World, act: SourceAct, options: WorldOptions): void {
  hold(w, w.sCleaned === 0 || !touching.includes(act.do), CLEAN)
  switch (act.do) {
    case 'prepare':
      // A guest that does not run is refused; the mover then gives up, which is a choice of its own.
      if (w.svm !== Vm.running) return
      w.sj = sj('PREPARED')
      w.sPrepared = 1
      return
    case 'start-xl':
      w.sxl = Sxl.copying
      return
    case 'give-ready':
      // The record, then the word: the mover may die, or the journal fail, between them.
      if (w.sj === sj('PREPARED')) w.sj = sj('HANDOVER')
      else w.sReadyGiven = 1
      return
    case 'commit':
      w.sj = sj('COMMIT')
      w.committed = 1
      return
    case 'abort':
      w.sj = sj('ABORT')
      return
    case 'close-pipes':
      w.smv = Mover.recovering
      return
    case 'resume':
      // Two commands: the mover may die between them.
      if (w.saway === 1) w.saway = 0
      else if (w.svm === Vm.held) sourceRuns(w)
      return
    case 'rename-back':
      w.saway = 0
      return
    case 'released':
      w.sj = sj('RELEASED')
      return
    case 'give-report':
      w.sReport = 1
      return
    case 'destroy':
      if (w.svm !== Vm.none) sourceDestroys(w)
      return
    case 'take-over':
      if (w.keys === Keys.both) w.keys = Keys.source
      w.sStands = w.keys === Keys.source ? 1 : 2
      return
    case 'take-back':
      hold(w, w.svm === Vm.held || w.svm === Vm.paused, 'FENCE: the disk is taken back without a copy')
      w.keys = Keys.source
      w.sStands = 1
      return
    case 'reclaim':
      w.sj = sj('RECLAIM')
      owns(w, 'o2', 1)
      return
    case 'commit2':
      w.sj = sj('COMMIT2')
      owns(w, 'o2', 1)
      return
    case 'pause-lower-epoch':
      if (w.svm === Vm.running) w.svm = Vm.paused
      return
    case 'clean-up':
      hold(w, sxlGone(w) || options.looseClean === true, 'CLEAN: beside a living xl')
      w.sCleaned = 1
      if (w.smv === Mover.live) w.smv = Mover.recovering
      return
    case 'close':
      w.sclosed = 1
      forgetSource(w)
      return
    case 'supersede':
      hold(w, false, NO_BOOT)
      return
    case 'wait':
      return
  }
}

export function actTarget(w: World, act: TargetAct, options: WorldOptions): void {
  hold(w, w.tCleaned === 0 || !touching.includes(act.do), CLEAN)
  switch (act.do) {
    case 'prepare':
      w.tj = tj('PREPARED')
      w.tPrepared = 1
      return
    case 'start-xl':
      w.txl = Txl.receiving
      w.tvm = Vm.held
      return
    case 'ready':
      if (!options.stdoutStaysOpen) w.tStdoutClosed = 1
      w.tj = tj('READY')
      w.everReady = 1
      return
    case 'take-over':
      if (w.keys === Keys.both) w.keys = Keys.target
      w.tStands = w.keys === Keys.target ? 1 : 2
      return
    case 'take-back':
      w.keys = Keys.target
      w.tStands = 1
      return
    case 'accept':
      w.tj = tj('ACCEPT')
      w.tSecond = act.second ? 1 : 0
      owns(w, act.second ? 'o3' : 'o1', 2)
      return
    case 'go':
      w.tj = tj('GO')
      return
    case 'feed-go':
      w.tGoFed = 1
      return
    case 'unpause':
      w.tX = 1
      if (w.tvm === Vm.paused) targetRuns(w)
      return
    case 'running':
      w.tj = tj('RUNNING')
      return
    case 'refuse':
      w.tj = tj('REFUSE')
      w.tStands = 0
      return
    case 'return':
      w.tj = tj('RETURN')
      return
    case 'lost':
      w.tj = tj('LOST')
      return
    case 'rename':
      if (w.tvm !== Vm.none) w.tX = 1
      return
    case 'announce':
      w.tAnnounced = 1
      return
    case 'close-pipes':
      w.tmv = Mover.recovering
      return
    case 'destroy':
      if (w.tvm !== Vm.none) targetDestroys(w)
      return
    case 'clean-up':
      hold(w, txlGone(w) || options.looseClean === true, 'CLEAN: beside a living xl')
      w.tCleaned = 1
      if (w.tmv === Mover.live) w.tmv = Mover.recovering
      return
    case 'close':
      w.tclosed = 1
      // Said once, over the connection or not at all.
      if (w.link === 1 && w.smv !== Mover.dead && w.tMet === 1) w.byTarget |= targetBit('done')
      forgetTarget(w)
      return
    case 'supersede':
      hold(w, false, NO_BOOT)
      return
    case 'wait':
      return
  }
}

export function saySource(w: World, word: string): void {
  hold(w, !(word === 'abort' && w.committed === 1), 'I4: Abort after COMMIT')
  w.bySource |= sourceBit(word)
}

export function sayTarget(w: World, word: string): void {
  if (word === 'accept' && w.tSecond === 0) w.saidAccept = 1
  if (word === 'refuse' || (word === 'return' && w.tSecond === 0)) w.saidRefuse = 1
  hold(w, !(w.saidAccept === 1 && w.saidRefuse === 1), 'I4: Accept and Refuse of the same Release')
  w.byTarget |= targetBit(word)
}
