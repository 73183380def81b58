/**
 * One move as a small world of numbers, for exploring every order of events: both hypervisors, both xl, both movers,
 * both journals, the messages between them. It follows DESIGN's model saga.pml step by step, but what the movers do is
 * asked of the real rules, on the views built here as run-source.ts and run-target.ts build them.
 */
import type { StorageStands } from '../../src/mover/move-fence.js'
import type { SourceCopy, SourceView } from '../../src/mover/source-rules.js'
import type { TargetCopy, TargetView } from '../../src/mover/target-rules.js'

export const enum Vm {
  none,
  running,
  /** Source: suspended and complete. Target: being received. */
  held,
  /** Target: complete, never run. Source: paused for its lower epoch. */
  paused,
}

export const enum Mover {
  dead,
  /** Holds xl's pipes. */
  live,
  /** Restarted, or has closed the pipes. */
  recovering,
}

/** The source's `xl migrate`; `wantsReport` has written GO. */
export const enum Sxl {
  idle,
  copying,
  wantsReady,
  renamed,
  wantsReport,
  gone,
}

/** The target's `xl migrate-receive`; `unpausing` has read GO. */
export const enum Txl {
  idle,
  receiving,
  wantsGo,
  unpausing,
  gone,
}

/** Keys registered at the disk; `none`: there is no arbiter. */
export const enum Keys {
  none,
  both,
  source,
  target,
}

export const sourceKinds = [
  'ORDERED',
  'PREPARED',
  'HANDOVER',
  'ABORT',
  'COMMIT',
  'COMMIT2',
  'RELEASED',
  'RECLAIM',
] as const
export const targetKinds = [
  'ORDERED',
  'PREPARED',
  'READY',
  'ACCEPT',
  'GO',
  'RUNNING',
  'REFUSE',
  'RETURN',
  'LOST',
] as const
export type SourceKind = (typeof sourceKinds)[number]
export type TargetKind = (typeof targetKinds)[number]
export const sj = (kind: SourceKind): number => sourceKinds.indexOf(kind)
export const tj = (kind: TargetKind): number => targetKinds.indexOf(kind)

export const sourceWords = ['abort', 'release', 'release2', 'ask', 'reclaimed', 'closed'] as const
export const targetWords = ['accept', 'refuse', 'return', 'lost', 'done'] as const
const bit = (words: readonly string[], word: string): number => 1 << words.indexOf(word)
/** The bit of a word among its side's words; 0 for one that is not modelled as a message (`ready`). */
export const sourceBit = (word: string): number =>
  sourceWords.includes(word as 'abort') ? bit(sourceWords, word) : 0
export const targetBit = (word: string): number =>
  targetWords.includes(word as 'lost') ? bit(targetWords, word) : 0

/** Flags are 0 or 1. Names in s… and t… belong to the source's and the target's host. */
export interface World {
  svm: Vm
  /** Named NAME--migratedaway. */
  saway: number
  sxl: Sxl
  smv: Mover
  /** Last record but CLEAN and CLOSED: index into `sourceKinds`. */
  sj: number
  /** PREPARED and CLEAN are in the journal. */
  sPrepared: number
  sCleaned: number
  sclosed: number
  sup: number
  /** The guest did not suspend in time and may still do so. */
  slate: number
  sReadyGiven: number
  sGo: number
  sReport: number
  /** READY has arrived in this process. Memory of the process, like `sGot`. */
  sReady: number
  /** Target's words this process has heard, `done` included. */
  sGot: number
  /** A look at the hypervisor that a decision may still be taken on; 0 none. */
  sLook: number

  tvm: Vm
  tX: number
  txl: Txl
  tmv: Mover
  tj: number
  tPrepared: number
  tCleaned: number
  tclosed: number
  tup: number
  everReady: number
  /** The ACCEPT is that of the second Release. */
  tSecond: number
  tStdoutClosed: number
  tReadyRead: number
  tGoFed: number
  tAnnounced: number
  /** The source's connection has stood in this process. */
  tMet: number
  tGot: number
  tLook: number

  link: number
  /** What is down stays down. */
  perm: number
  /** Words in the network, deliverable at any time and any number of times. */
  bySource: number
  byTarget: number
  mReady: number
  faults: number

  /** Ghosts: known to the assertions only. Stream: 1 sent and still present, 2 sent but stale. */
  stream: number
  /** This host holds a complete copy of the present memory. */
  scur: number
  tcur: number
  committed: number
  sLost: number
  tGoLost: number
  /** Owner of e+1, e+2, e+3: 1 source, 2 target. */
  o1: number
  o2: number
  o3: number
  saidAccept: number
  saidRefuse: number
  /** Who may write. */
  keys: Keys
  /** What a mover has learnt of it: 0 nothing, 1 ours, 2 lost. Memory of the process. */
  sStands: number
  tStands: number
  /** What was violated, if anything; not part of the state's key. */
  bad: string
}

export const firstWorld = (arbiter = false): World => ({
  svm: Vm.running,
  saway: 0,
  sxl: Sxl.idle,
  smv: Mover.live,
  sj: 0,
  sPrepared: 0,
  sCleaned: 0,
  sclosed: 0,
  sup: 1,
  slate: 0,
  sReadyGiven: 0,
  sGo: 0,
  sReport: 0,
  sReady: 0,
  sGot: 0,
  sLook: 0,
  tvm: Vm.none,
  tX: 0,
  txl: Txl.idle,
  tmv: Mover.live,
  tj: 0,
  tPrepared: 0,
  tCleaned: 0,
  tclosed: 0,
  tup: 1,
  everReady: 0,
  tSecond: 0,
  tStdoutClosed: 0,
  tReadyRead: 0,
  tGoFed: 0,
  tAnnounced: 0,
  tMet: 0,
  tGot: 0,
  tLook: 0,
  link: 1,
  perm: 0,
  bySource: 0,
  byTarget: 0,
  mReady: 0,
  faults: 0,
  stream: 0,
  scur: 1,
  tcur: 0,
  committed: 0,
  sLost: 0,
  tGoLost: 0,
  o1: 0,
  o2: 0,
  o3: 0,
  saidAccept: 0,
  saidRefuse: 0,
  keys: arbiter ? Keys.both : Keys.none,
  sStands: 0,
  tStands: 0,
  bad: '',
})

/** Deadlines, requests to abort and broken sessions in one: any of them may come at any time. */
export const GIVING_UP = 'gives up'

/** The whole state in eight UTF-16 units, for the set of states already seen. */
export function keyOf(w: World): string {
  return String.fromCharCode(
    w.svm |
      (w.sxl << 2) |
      (w.smv << 5) |
      (w.sj << 7) |
      (w.saway << 10) |
      (w.sclosed << 11) |
      (w.sup << 12) |
      (w.slate << 13) |
      (w.sReadyGiven << 14) |
      (w.sGo << 15),
    w.sReport |
      (w.sReady << 1) |
      (w.sCleaned << 2) |
      (w.sGot << 3) |
      (w.sLook << 8) |
      (w.link << 12) |
      (w.perm << 13) |
      (w.mReady << 14) |
      (w.committed << 15),
    w.tvm |
      (w.txl << 2) |
      (w.tmv << 5) |
      (w.tj << 7) |
      (w.tX << 11) |
      (w.tclosed << 12) |
      (w.tup << 13) |
      (w.everReady << 14) |
      (w.tSecond << 15),
    w.tStdoutClosed |
      (w.tReadyRead << 1) |
      (w.tGoFed << 2) |
      (w.tAnnounced << 3) |
      (w.tCleaned << 4) |
      (w.tGot << 5) |
      (w.tLook << 11) |
      (w.tGoLost << 15),
    w.bySource | (w.byTarget << 6) | (w.stream << 11) | (w.scur << 13) | (w.tcur << 14) | (w.sLost << 15),
    w.o1 |
      (w.o2 << 2) |
      (w.o3 << 4) |
      (w.saidAccept << 6) |
      (w.saidRefuse << 7) |
      (w.tMet << 8) |
      (w.faults << 9) |
      (w.sPrepared << 13) |
      (w.tPrepared << 14),
    w.keys | (w.sStands << 2) | (w.tStands << 4),
  )
}

export const sxlGone = (w: World): boolean => w.sxl === Sxl.idle || w.sxl === Sxl.gone
export const txlGone = (w: World): boolean => w.txl === Txl.idle || w.txl === Txl.gone

const heard = (got: number, word: string, bitOf: (word: string) => number): boolean =>
  (got & bitOf(word)) !== 0

const sourceCopies: SourceCopy[] = ['absent', 'running', 'suspended', 'paused']

/** Records before which nothing was given away. */
export const isEarly = (last: SourceKind): boolean =>
  last === 'ORDERED' || last === 'PREPARED' || last === 'HANDOVER'

/** What time decides, which may be now or later: `xlHangs` is that xl has had its last word for too long. */
export interface TargetChoice {
  giveUp?: boolean
  xlHangs?: boolean
}
export interface SourceChoice extends TargetChoice {
  askDue?: boolean
}

const standing = (keys: Keys, known: number): StorageStands =>
  keys === Keys.none ? 'none' : (['unseen', 'ours', 'lost'] as const)[known]!

/** What run-source.ts shows its rules. With `sLook` the look is older than everything else in the view, as it is there. */
export function sourceView(w: World, choice: SourceChoice = {}): SourceView {
  const live = w.smv === Mover.live
  const last = sourceKinds[w.sj]!
  const cleaned = w.sCleaned === 1
  const looks = !cleaned && !(live && isEarly(last))
  const seen = w.sLook > 0 ? w.sLook - 1 : w.svm * 2 + w.saway
  const got = (word: string): boolean => heard(w.sGot, word, targetBit)
  return {
    last,
    prepared: w.sPrepared === 1,
    live,
    xlGone: cleaned || sxlGone(w),
    copy: looks ? sourceCopies[seen >> 1]! : 'unseen',
    nameClean: !looks || (seen & 1) === 0,
    started: w.sxl !== Sxl.idle,
    listening: w.txl === Txl.receiving && w.tmv === Mover.live && w.link === 1,
    streamSent: w.stream > 0,
    ready: w.sReady === 1,
    drained: true,
    readyGiven: w.sReadyGiven === 1,
    goRead: w.sGo === 1 && w.sReadyGiven === 1,
    reportGiven: w.sReport === 1,
    xlHangs: w.sReport === 1 && (choice.xlHangs ?? false),
    giveUp: live && choice.giveUp ? GIVING_UP : undefined,
    askDue: choice.askDue ?? false,
    evictDue: true,
    fence: w.keys === Keys.none ? 'none' : 'pr',
    storage: standing(w.keys, w.sStands),
    got: { accept: got('accept'), refuse: got('refuse'), return: got('return'), lost: got('lost') },
    peerDone: got('done'),
    cleaned,
    superseded: false,
  }
}

/** What run-target.ts shows its rules. */
export function targetView(w: World, choice: TargetChoice = {}): TargetView {
  const live = w.tmv === Mover.live
  const last = targetKinds[w.tj]!
  const cleaned = w.tCleaned === 1
  const looks = !cleaned && (!live || w.tReadyRead === 1 || (last !== 'ORDERED' && last !== 'PREPARED'))
  const seen = w.tLook > 0 ? w.tLook - 1 : w.tvm * 2 + w.tX
  const complete = w.everReady === 1 || (live && w.tReadyRead === 1)
  const copies: TargetCopy[] = ['absent', 'running', 'building', complete ? 'paused' : 'building']
  const got = (word: string): boolean => heard(w.tGot, word, sourceBit)
  return {
    last,
    prepared: w.tPrepared === 1,
    everReady: w.everReady === 1,
    live,
    xlGone: cleaned || txlGone(w),
    copy: looks ? copies[seen >> 1]! : 'unseen',
    nameClean: !looks || seen >> 1 === 0 || (seen & 1) === 1,
    sessionUp: w.link === 1 && w.smv !== Mover.dead,
    everConnected: w.tMet === 1,
    started: w.txl !== Txl.idle,
    readyRead: w.tReadyRead === 1,
    goFed: w.tGoFed === 1,
    xlHangs: w.tGoFed === 1 && (choice.xlHangs ?? false),
    giveUp: live && choice.giveUp ? GIVING_UP : undefined,
    got: {
      release: got('release'),
      release2: got('release2'),
      ask: got('ask'),
      abort: got('abort'),
      reclaimed: got('reclaimed'),
    },
    storage: standing(
      w.keys,
      // Reclaimed makes it look.
      last === 'READY' && got('reclaimed') && w.keys === Keys.source ? 2 : w.tStands,
    ),
    peerClosed: got('closed'),
    announced: w.tAnnounced === 1,
    cleaned,
    superseded: false,
  }
}
