/** Everything that may happen next in a world: the two xl, the two movers by the rules under test, and the faults. */
import type { sourceSays, sourceStep, SourceAct } from '../../src/mover/source-rules.js'
import type { targetSays, targetStep, TargetAct } from '../../src/mover/target-rules.js'
import {
  actSource,
  actTarget,
  forgetSource,
  forgetTarget,
  saySource,
  sayTarget,
  sourceDestroys,
  sourceRuns,
  targetDestroys,
  targetRuns,
} from './rules-world-acts.js'
import {
  isEarly,
  Mover,
  sj,
  sourceBit,
  sourceKinds,
  sourceView,
  sourceWords,
  Sxl,
  sxlGone,
  targetBit,
  targetKinds,
  targetView,
  targetWords,
  Txl,
  txlGone,
  Vm,
} from './rules-world.js'
import type { WorldOptions } from './rules-world-options.js'
import { saveFaults, saveXl } from './rules-world-save.js'
import type { World } from './rules-world.js'

export interface Rules {
  sourceStep: typeof sourceStep
  sourceSays: typeof sourceSays
  targetStep: typeof targetStep
  targetSays: typeof targetSays
}

export type Emit = (next: World, label: string) => void

/** Calls `emit` with each world that can follow, faults included. */
export function steps(w: World, rules: Rules, options: WorldOptions, emit: Emit): void {
  const to = (label: string, change: (next: World) => void): void => {
    const next = { ...w }
    change(next)
    emit(next, label)
  }
  if (options.regular) saveXl(w, to)
  else sourceXl(w, to)
  lateSuspend(w, to)
  targetXl(w, options, to)
  if (w.sup === 1 && w.smv !== Mover.dead) sourceMover(w, rules, options, to)
  if (w.tup === 1 && w.tmv !== Mover.dead) targetMover(w, rules, options, to)
  delivery(w, to)
  if (options.coordinator) passOn(w, to)
  if (!options.noSweeper) sweeper(w, to)
  healing(w, options, to)
  if (w.faults < options.faults)
    faults(w, options, (label, change) => to(label, next => (next.faults++, change(next))))
}

type To = (label: string, change: (next: World) => void) => void

/** XEN.md 1.1 and 1.2. */
function sourceXl(w: World, to: To): void {
  const piped = w.smv === Mover.live
  const session = piped && w.tmv === Mover.live && w.txl === Txl.receiving && w.link === 1
  switch (w.sxl) {
    case Sxl.idle:
    case Sxl.gone:
      break
    case Sxl.copying:
      if (session && w.svm === Vm.running)
        to('src xl: guest suspended, last pages and END sent', n => {
          n.svm = Vm.held
          n.stream = 1
          n.sxl = Sxl.wantsReady
        })
      if (!piped || w.txl !== Txl.receiving)
        to('src xl: stream broken, exits, VM runs', n => (n.sxl = Sxl.gone))
      break
    case Sxl.wantsReady:
      if (w.sReadyGiven === 1)
        to('src xl: reads READY, renames to X--migratedaway', n => {
          n.saway = 1
          n.sxl = Sxl.renamed
        })
      else if (!piped)
        to('src xl: EOF instead of READY, resumes by itself', n => {
          if (n.svm === Vm.held) sourceRuns(n)
          n.sxl = Sxl.gone
        })
      break
    case Sxl.renamed:
      if (piped)
        to('src xl: writes GO', n => {
          n.sGo = 1
          n.sxl = Sxl.wantsReport
        })
      else to('src xl: GO cannot be written, leaves X--migratedaway suspended', n => (n.sxl = Sxl.gone))
      break
    case Sxl.wantsReport:
      if (w.sReport === 1)
        to('src xl: report 0 read, destroys', n => {
          if (n.svm !== Vm.none) sourceDestroys(n)
          n.sxl = Sxl.gone
        })
      else if (!piped) to('src xl: report lost, leaves X--migratedaway suspended', n => (n.sxl = Sxl.gone))
      break
  }
}

function lateSuspend(w: World, to: To): void {
  if (w.slate === 1 && w.svm === Vm.running)
    to('guest suspends late', n => {
      n.slate = 0
      n.svm = Vm.held
    })
}

function targetXl(w: World, { regular }: WorldOptions, to: To): void {
  const piped = w.tmv === Mover.live
  switch (w.txl) {
    case Txl.idle:
    case Txl.gone:
      break
    case Txl.receiving:
      if (w.stream > 0 && piped && w.smv === Mover.live && w.link === 1)
        to('tgt xl: X--incoming complete and paused, writes READY', n => {
          n.tvm = Vm.paused
          n.tcur = n.stream === 1 ? 1 : 0
          n.txl = Txl.wantsGo
          n.tReadyRead = 1
        })
      // An xl save that has sent everything is gone, and what it sent arrives.
      if (!piped || w.smv !== Mover.live || (w.sxl === Sxl.gone && !(regular && w.stream > 0)))
        to('tgt xl: stream broken, destroys, exits', n => {
          n.tvm = Vm.none
          n.txl = Txl.gone
        })
      break
    case Txl.wantsGo:
      if (w.tGoFed === 1)
        to('tgt xl: reads GO, renames to X', n => {
          n.tX = 1
          n.txl = Txl.unpausing
        })
      else if (!piped) {
        to('tgt xl: EOF instead of GO, EPIPE: leaves X--incoming paused', n => (n.txl = Txl.gone))
        if (w.tStdoutClosed === 0)
          to('tgt xl: EOF instead of GO, stdout open: destroys', n => {
            if (n.tvm !== Vm.none) targetDestroys(n)
            n.txl = Txl.gone
          })
      }
      break
    case Txl.unpausing:
      to('tgt xl: unpauses', n => {
        if (n.tvm === Vm.paused) targetRuns(n)
        n.txl = Txl.gone
      })
      break
  }
}

/** A look, kept for a later decision, or 0 where looks are always fresh. */
function withLook(
  name: string,
  look: number,
  now: number,
  options: WorldOptions,
  to: To,
  field: 'sLook' | 'tLook',
): boolean {
  if (!options.staleLooks) return true
  if (look === 0) to(`${name} looks`, n => (n[field] = now + 1))
  return look > 0
}

function sourceMover(w: World, rules: Rules, options: WorldOptions, to: To): void {
  if (!withLook('SRC', w.sLook, w.svm * 2 + w.saway, options, to, 'sLook')) return
  const record = sourceKinds[w.sj]!
  const decide = (act: SourceAct): void => {
    if (act.do !== 'wait')
      to(`SRC ${record}: ${text(act)}`, n => {
        n.sLook = 0
        actSource(n, act, options)
      })
    else if (w.sLook > 0) to('SRC waits', n => (n.sLook = 0))
  }
  const plain = rules.sourceStep(sourceView(w))
  decide(plain)
  if (w.smv === Mover.live) {
    if (isEarly(record)) decide(rules.sourceStep(sourceView(w, { giveUp: true })))
    const hanging = rules.sourceStep(sourceView(w, { xlHangs: true }))
    if (hanging.do !== plain.do) decide(hanging)
  }
  for (const word of rules.sourceSays(sourceView(w, { askDue: true })))
    if ((w.bySource & sourceBit(word)) === 0) to(`SRC ${record}: says ${word}`, n => saySource(n, word))
}

function targetMover(w: World, rules: Rules, options: WorldOptions, to: To): void {
  if (!withLook('TGT', w.tLook, w.tvm * 2 + w.tX, options, to, 'tLook')) return
  const record = targetKinds[w.tj]!
  const decide = (act: TargetAct): void => {
    if (act.do !== 'wait')
      to(`TGT ${record}: ${text(act)}`, n => {
        // In a live hand-over one look at the paused copy serves for several acts.
        if (w.tmv !== Mover.live || w.tvm !== Vm.paused || txlGone(w) || w.tGoFed === 1) n.tLook = 0
        actTarget(n, act, options)
      })
    if (w.tLook > 0) to('TGT: its look has grown too old', n => (n.tLook = 0))
  }
  const plain = rules.targetStep(targetView(w))
  decide(plain)
  if (w.tmv === Mover.live) {
    for (const choice of [{ giveUp: true }, { xlHangs: true }]) {
      const other = rules.targetStep(targetView(w, choice))
      if (other.do !== plain.do) decide(other)
    }
  }
  for (const word of rules.targetSays(targetView(w)))
    if (word === 'ready') {
      if (w.mReady === 0) to('TGT READY: forwards READY', n => (n.mReady = 1))
    } else if ((w.byTarget & targetBit(word)) === 0)
      to(`TGT ${record}: says ${word}`, n => sayTarget(n, word))
}

const text = (act: { do: string; why?: string }): string =>
  act.why === undefined ? act.do : `${act.do} (${act.why})`

/** Messages arrive at any later time, any number of times, in any order, as long as the link stands. */
function delivery(w: World, to: To): void {
  if (w.link === 0) return
  const both = w.smv !== Mover.dead && w.tmv !== Mover.dead
  if (both && w.tMet === 0) to('the movers connect', n => (n.tMet = 1))
  if (w.smv !== Mover.dead && w.sup === 1) {
    if (w.mReady === 1 && w.smv === Mover.live && w.sReady === 0)
      to('READY arrives at the source', n => (n.sReady = 1))
    for (const word of targetWords) {
      const bit = targetBit(word)
      if ((w.byTarget & bit) !== 0 && (w.sGot & bit) === 0)
        to(`${word} arrives at the source`, n => (n.sGot |= bit))
    }
  }
  if (w.tmv !== Mover.dead && w.tup === 1)
    for (const word of sourceWords) {
      const bit = sourceBit(word)
      if ((w.bySource & bit) !== 0 && (w.tGot & bit) === 0)
        to(`${word} arrives at the target`, n => (n.tGot |= bit))
    }
}

function passOn(w: World, to: To): void {
  const done = targetBit('done')
  const closed = sourceBit('closed')
  if (w.tclosed === 1 && w.smv !== Mover.dead && (w.sGot & done) === 0)
    to('COORD: tells the source that the target has closed', n => (n.sGot |= done))
  if (w.sclosed === 1 && w.tmv !== Mover.dead && (w.tGot & closed) === 0)
    to('COORD: tells the target that the source has closed', n => (n.tGot |= closed))
}

/** DESIGN 5: resumes what is suspended here if the journal holds PREPARED, no COMMIT, and no move may touch it now. */
function sweeper(w: World, to: To): void {
  if (w.sCleaned === 1 && w.sj === sj('ABORT') && w.svm === Vm.held && sxlGone(w) && w.sup === 1)
    to('SRC sweeper: resumes', sourceRuns)
}

function healing(w: World, options: WorldOptions, to: To): void {
  if (w.smv === Mover.dead && w.sup === 1 && w.sclosed === 0)
    to('source mover restarts', n => (n.smv = Mover.recovering))
  if (w.tmv === Mover.dead && w.tup === 1 && w.tclosed === 0)
    to('target mover restarts', n => (n.tmv = Mover.recovering))
  if (w.perm === 1) return
  if (w.sup === 0) to('source host boots', n => (n.sup = 1))
  if (w.tup === 0) to('target host boots', n => (n.tup = 1))
  if (w.link === 0) to('link heals', n => (n.link = 1))
  if (options.perm && (w.sup === 0 || w.tup === 0 || w.link === 0))
    to('what is down stays down', n => (n.perm = 1))
}

function faults(w: World, { regular }: WorldOptions, to: To): void {
  if (regular) saveFaults(w, to)
  if (w.smv !== Mover.dead) to('FAULT source mover crashes', forgetSource)
  if (w.tmv !== Mover.dead) to('FAULT target mover crashes', forgetTarget)
  if (w.smv === Mover.live && w.sReadyGiven === 0 && (w.sj === sj('PREPARED') || w.sj === sj('HANDOVER')))
    to('FAULT source journal fails: lets xl go', n => (n.smv = Mover.recovering))
  if (!sxlGone(w)) to('FAULT src xl SIGKILLed', n => (n.sxl = Sxl.gone))
  if (!txlGone(w)) to('FAULT tgt xl SIGKILLed', n => (n.txl = Txl.gone))
  if (w.sxl === Sxl.copying)
    to('FAULT src xl: guest does not suspend in 60 s, xl exits', n => {
      n.sxl = Sxl.gone
      n.slate = 1
    })
  if (w.sxl === Sxl.wantsReady && w.sReadyGiven === 1)
    to('FAULT src xl: rename fails, resumes, exits', n => {
      if (n.svm === Vm.held) sourceRuns(n)
      n.sxl = Sxl.gone
    })
  if (w.txl === Txl.unpausing && w.tvm === Vm.paused)
    to('FAULT tgt xl: unpause fails', n => {
      if (n.tStdoutClosed === 0) targetDestroys(n)
      n.txl = Txl.gone
    })
  if (w.sup === 1)
    to('FAULT source host crashes', n => {
      if (n.sj === sj('RECLAIM') && n.scur === 1) n.sLost = 1
      forgetSource(n)
      n.sup = 0
      n.svm = Vm.none
      n.scur = 0
      n.sxl = Sxl.gone
      n.saway = 0
      n.slate = 0
    })
  if (w.tup === 1)
    to('FAULT target host crashes', n => {
      if (targetKinds[n.tj] === 'GO') n.tGoLost = 1
      forgetTarget(n)
      n.tup = 0
      n.tvm = Vm.none
      n.tcur = 0
      n.txl = Txl.gone
      n.tX = 0
    })
  if (w.link === 1) to('FAULT link cut', n => (n.link = 0))
  for (const word of sourceWords)
    if ((w.bySource & sourceBit(word)) !== 0) to(`FAULT ${word} lost`, n => (n.bySource &= ~sourceBit(word)))
  for (const word of targetWords)
    if ((w.byTarget & targetBit(word)) !== 0) to(`FAULT ${word} lost`, n => (n.byTarget &= ~targetBit(word)))
}
