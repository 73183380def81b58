/** DESIGN 5's recovery table, row by row: what each side does, and what it says. */
import t from 'tap'
import { sourceSays, sourceStep } from '../src/mover/source-rules.js'
import type { SourceView } from '../src/mover/source-rules.js'
import { targetSays, targetStep } from '../src/mover/target-rules.js'
import type { TargetView } from '../src/mover/target-rules.js'

type Got<V extends SourceView | TargetView> = Partial<V['got']>

/** A recovering source whose copy is suspended, whose xl is gone and to which nobody has said anything. */
function source(
  last: SourceView['last'],
  view: Partial<SourceView> = {},
  got: Got<SourceView> = {},
): SourceView {
  return {
    last,
    prepared: true,
    live: false,
    xlGone: true,
    copy: 'suspended',
    nameClean: true,
    started: false,
    listening: false,
    streamSent: false,
    ready: false,
    drained: false,
    readyGiven: false,
    goRead: false,
    reportGiven: false,
    xlHangs: false,
    giveUp: undefined,
    askDue: false,
    evictDue: false,
    fence: 'none',
    storage: 'none',
    peerDone: false,
    cleaned: false,
    superseded: false,
    ...view,
    got: { accept: false, refuse: false, return: false, lost: false, ...got },
  }
}

/** A recovering target that holds a complete, paused copy. */
function target(
  last: TargetView['last'],
  view: Partial<TargetView> = {},
  got: Got<TargetView> = {},
): TargetView {
  return {
    last,
    prepared: true,
    everReady: last !== 'ORDERED' && last !== 'PREPARED',
    live: false,
    xlGone: true,
    copy: 'paused',
    nameClean: false,
    sessionUp: true,
    everConnected: true,
    started: false,
    readyRead: false,
    goFed: false,
    xlHangs: false,
    giveUp: undefined,
    storage: 'none',
    peerClosed: false,
    announced: false,
    cleaned: false,
    superseded: false,
    ...view,
    got: { release: false, release2: false, ask: false, abort: false, reclaimed: false, ...got },
  }
}

const src = (view: SourceView): string => sourceStep(view).do
const tgt = (view: TargetView): string => targetStep(view).do

t.test(
  'before COMMIT, before ACCEPT: the source aborts and says so; only then the target refuses',
  async t => {
    t.equal(src(source('PREPARED')), 'abort')
    t.equal(src(source('PREPARED', { xlGone: false })), 'wait', 'not beside a living xl')
    t.strictSame(sourceSays(source('PREPARED')), [])
    t.strictSame(sourceSays(source('ABORT')), ['abort'])
    t.equal(src(source('ABORT')), 'resume')
    t.equal(src(source('ABORT', { copy: 'running', nameClean: false })), 'rename-back')
    t.equal(tgt(target('READY')), 'wait', 'no timer, no lost session refuses')
    t.equal(tgt(target('READY', { giveUp: 'deadline', live: true, sessionUp: false })), 'wait')
    t.equal(tgt(target('READY', {}, { abort: true })), 'refuse')
    t.equal(tgt(target('REFUSE')), 'wait', 'the copy is kept')
    t.equal(tgt(target('REFUSE', {}, { abort: true })), 'destroy')
    t.equal(tgt(target('REFUSE', { copy: 'absent' }, { abort: true })), 'clean-up')
  },
)

t.test(
  'COMMIT with READY: Release is repeated, Ask after the deadline; the target accepts or refuses',
  async t => {
    t.equal(src(source('COMMIT')), 'wait')
    t.strictSame(sourceSays(source('COMMIT')), ['release'])
    t.strictSame(sourceSays(source('COMMIT', { askDue: true })), ['release', 'ask'])
    t.strictSame(targetStep(target('READY', {}, { release: true })), { do: 'accept', second: false })
    t.equal(tgt(target('READY', {}, { ask: true, release: true })), 'refuse')
    t.equal(tgt(target('READY', { copy: 'absent' }, { release: true })), 'refuse')
    t.equal(tgt(target('READY', { copy: 'absent', xlGone: false })), 'wait')
    t.equal(
      tgt(target('REFUSE', {}, { ask: true })),
      'wait',
      'a refused copy stays paused until Reclaimed or Abort',
    )
    t.equal(tgt(target('REFUSE', {}, { reclaimed: true })), 'destroy')
  },
)

t.test('COMMIT, copy held, with REFUSE or Return: RECLAIM, resume, and only then Reclaimed', async t => {
  for (const got of [{ refuse: true }, { return: true }]) {
    t.equal(src(source('COMMIT', {}, got)), 'reclaim')
    t.equal(src(source('COMMIT', { xlGone: false, live: true }, got)), 'reclaim')
  }
  t.equal(src(source('RECLAIM', { live: true, xlGone: false })), 'close-pipes')
  t.equal(src(source('RECLAIM')), 'resume')
  t.strictSame(sourceSays(source('RECLAIM')), [], 'not while the copy is suspended')
  t.strictSame(sourceSays(source('RECLAIM', { copy: 'unseen' })), [], 'nor unseen')
  t.strictSame(sourceSays(source('RECLAIM', { copy: 'running' })), [], 'nor before CLEAN')
  t.equal(src(source('RECLAIM', { copy: 'running' })), 'clean-up')
  t.strictSame(sourceSays(source('RECLAIM', { copy: 'unseen', cleaned: true })), ['reclaimed'])
})

t.test('COMMIT, copy gone, with READY: repeats Release, never asks', async t => {
  t.strictSame(sourceSays(source('COMMIT', { copy: 'absent', askDue: true })), ['release'])
  t.equal(src(source('COMMIT', { copy: 'absent' })), 'wait')
})

t.test('COMMIT, copy gone, with REFUSE and the copy kept: second Release', async t => {
  t.equal(src(source('COMMIT', { copy: 'absent' }, { refuse: true })), 'commit2')
  t.strictSame(sourceSays(source('COMMIT2', { copy: 'absent' })), ['release2'])
  t.strictSame(targetStep(target('REFUSE', {}, { release2: true })), { do: 'accept', second: true })
  t.equal(src(source('COMMIT2', { copy: 'absent' }, { accept: true })), 'released')
})

t.test('both copies gone: Lost, and a cold boot by grant', async t => {
  t.equal(tgt(target('REFUSE', { copy: 'absent' }, { release2: true })), 'lost')
  t.equal(tgt(target('RETURN', { copy: 'absent' }, { release2: true })), 'lost')
  t.strictSame(targetSays(target('LOST', { copy: 'absent' })), ['lost'])
  t.equal(src(source('COMMIT2', { copy: 'absent' }, { lost: true })), 'reclaim')
  t.equal(src(source('COMMIT', { copy: 'absent' }, { return: true })), 'reclaim')
  t.equal(src(source('RECLAIM', { copy: 'absent' })), 'clean-up')
  t.strictSame(sourceSays(source('RECLAIM', { copy: 'absent', cleaned: true })), ['reclaimed'])
})

t.test('a rebooted target whose journal knows the move without ACCEPT refuses', async t => {
  t.equal(tgt(target('ORDERED', { copy: 'absent' })), 'refuse')
  t.equal(tgt(target('PREPARED', { copy: 'absent' })), 'refuse')
  t.equal(tgt(target('READY', { copy: 'absent' })), 'refuse')
  t.strictSame(targetSays(target('REFUSE', { copy: 'absent' })), ['refuse'])
})

t.test('COMMIT, target silent or without a journal: waits, whatever time it is', async t => {
  t.strictSame(sourceStep(source('COMMIT', { askDue: true, giveUp: 'deadline' })), {
    do: 'wait',
    for: 'the target to accept or refuse',
  })
})

t.test('ACCEPT or GO, paused: GO if missing, unpause, RUNNING, Accept', async t => {
  t.equal(tgt(target('ACCEPT')), 'go')
  t.strictSame(targetSays(target('ACCEPT')), [])
  t.equal(tgt(target('GO')), 'unpause')
  t.equal(tgt(target('GO', { xlGone: false })), 'wait', 'not beside a living xl')
  t.equal(tgt(target('GO', { live: true, xlGone: false })), 'feed-go')
  t.equal(tgt(target('GO', { live: true, xlGone: false, goFed: true })), 'wait')
  t.strictSame(targetSays(target('GO', { copy: 'running' })), [], 'not before RUNNING is journalled')
  t.strictSame(targetStep(target('GO', { copy: 'running' })), { do: 'running', counted: false })
  t.strictSame(targetStep(target('GO', { copy: 'ended' })), { do: 'running', counted: false })
  t.strictSame(targetSays(target('RUNNING', { copy: 'running' })), ['accept'])
  t.equal(tgt(target('RUNNING', { copy: 'running' })), 'rename')
})

t.test('ACCEPT without GO, gone: Return, and the source reclaims', async t => {
  t.equal(tgt(target('ACCEPT', { copy: 'absent' })), 'return')
  t.equal(tgt(target('ACCEPT', { copy: 'absent', xlGone: false })), 'wait')
  t.strictSame(targetSays(target('RETURN', { copy: 'absent' })), ['return'])
  t.equal(src(source('COMMIT', {}, { return: true })), 'reclaim')
})

t.test('GO or RUNNING, gone: counts as ran; the source destroys', async t => {
  t.strictSame(targetStep(target('GO', { copy: 'absent' })), { do: 'running', counted: true })
  t.strictSame(targetSays(target('RUNNING', { copy: 'absent' })), ['accept'])
  t.equal(src(source('COMMIT', {}, { accept: true })), 'released')
  t.equal(src(source('RELEASED')), 'destroy')
})

t.test('RUNNING: the source destroys on Accept and cleans up until clean', async t => {
  t.equal(src(source('RELEASED', { live: true, xlGone: false })), 'give-report')
  t.equal(src(source('RELEASED', { live: true, xlGone: false, reportGiven: true })), 'wait')
  t.strictSame(sourceStep(source('RELEASED', { copy: 'absent' })), { do: 'clean-up', detach: true })
  t.strictSame(sourceSays(source('RELEASED', { copy: 'absent' })), [])
  t.strictSame(sourceSays(source('RELEASED', { copy: 'absent', cleaned: true })), ['closed'])
  t.equal(src(source('RELEASED', { copy: 'absent', cleaned: true, peerDone: true })), 'close')
  const settled = { copy: 'running', nameClean: true, announced: true } as const
  t.strictSame(targetStep(target('RUNNING', settled)), { do: 'clean-up', detach: false })
  t.strictSame(targetStep(target('RUNNING', { ...settled, peerClosed: true })), {
    do: 'clean-up',
    detach: false,
  })
  t.equal(tgt(target('RUNNING', { ...settled, cleaned: true })), 'wait')
  t.equal(tgt(target('RUNNING', { ...settled, cleaned: true, peerClosed: true })), 'close')
})

t.test('an Accept outweighs what else was heard; both sides end on what they journalled', async t => {
  t.equal(src(source('COMMIT', {}, { accept: true, refuse: true })), 'released')
  for (const last of ['REFUSE', 'RETURN', 'LOST'] as const)
    t.notOk(
      ['accept', 'go', 'unpause'].includes(
        tgt(target(last, { copy: 'absent' }, { release: true, abort: true })),
      ),
    )
  t.equal(tgt(target('REFUSE', {}, { release: true })), 'wait', 'a late Release accepts no refused copy')
})

t.test('a VM of this uuid that runs at the target is never destroyed by a refusal', async t => {
  for (const got of [{}, { abort: true }, { reclaimed: true }])
    for (const everReady of [false, true])
      for (const copy of ['running', 'ended'] as const) {
        const act = tgt(target('REFUSE', { copy, everReady, nameClean: true }, got))
        t.not(act, 'destroy', `${copy}, everReady ${everReady}`)
      }
})

t.test('CLEAN: whatever the hypervisor shows, a side only speaks, closes or waits', async t => {
  const views = { cleaned: true, nameClean: false, xlGone: true }
  for (const copy of ['running', 'suspended', 'paused', 'ended', 'absent', 'elsewhere', 'unseen'] as const)
    for (const last of ['ABORT', 'RECLAIM', 'RELEASED'] as const) {
      t.equal(src(source(last, { ...views, copy })), 'wait', `${last}, ${copy}`)
      t.equal(src(source(last, { ...views, copy, peerDone: true })), 'close', `${last}, ${copy}, done`)
    }
  for (const copy of ['building', 'paused', 'running', 'ended', 'absent', 'unseen'] as const)
    for (const last of ['REFUSE', 'RETURN', 'LOST', 'RUNNING'] as const) {
      t.equal(tgt(target(last, { ...views, copy })), 'wait', `${last}, ${copy}`)
      t.equal(tgt(target(last, { ...views, copy, peerClosed: true })), 'close', `${last}, ${copy}, closed`)
    }
})

t.test('before PREPARED nothing here is ours: no side touches what it sees', async t => {
  const early = { prepared: false, nameClean: false }
  for (const copy of ['suspended', 'running', 'paused', 'absent'] as const)
    t.equal(src(source('ABORT', { ...early, copy })), 'clean-up', copy)
  for (const copy of ['building', 'paused', 'running', 'ended'] as const)
    t.equal(tgt(target('REFUSE', { ...early, everReady: false, copy })), 'clean-up', copy)
})

t.test('HANDOVER: as PREPARED to all that may still go wrong', async t => {
  const live = { live: true, xlGone: false, started: true, streamSent: true, ready: true, readyGiven: true }
  t.equal(src(source('HANDOVER', { ...live, copy: 'unseen' })), 'wait')
  t.equal(src(source('HANDOVER', { ...live, goRead: true, copy: 'unseen' })), 'commit')
  t.equal(src(source('HANDOVER', { ...live, goRead: true, giveUp: 'deadline' })), 'abort')
  t.equal(src(source('HANDOVER')), 'abort')
  t.equal(src(source('HANDOVER', { xlGone: false })), 'wait', 'not beside a living xl')
  t.strictSame(sourceSays(source('HANDOVER')), [])
})

t.test('an xl that hangs after its last word loses its pipes, and nothing else', async t => {
  const hangs = { live: true, xlGone: false, xlHangs: true }
  t.equal(src(source('RELEASED', { ...hangs, reportGiven: true })), 'close-pipes')
  t.equal(tgt(target('GO', { ...hangs, goFed: true })), 'close-pipes')
  t.equal(tgt(target('RUNNING', { ...hangs, copy: 'running' })), 'close-pipes')
  t.equal(src(source('RELEASED', { xlGone: false, xlHangs: true })), 'wait')
  t.equal(tgt(target('GO', { xlGone: false, xlHangs: true })), 'wait')
})
