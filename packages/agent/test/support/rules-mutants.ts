/** Rules with one bug planted in each, to see that the explorer finds it. Names as in saga.pml where it has one. */
import { sourceSays, sourceStep } from '../../src/mover/source-rules.js'
import type { SourceView } from '../../src/mover/source-rules.js'
import { targetSays, targetStep } from '../../src/mover/target-rules.js'
import type { TargetView } from '../../src/mover/target-rules.js'
import type { WorldOptions } from './rules-world-options.js'
import type { Rules } from './rules-world-steps.js'

export const realRules: Rules = { sourceSays, sourceStep, targetSays, targetStep }

export interface Mutant {
  name: string
  /** The violation it must lead to; `ends` where it leads into a state that is no named end. */
  leadsTo: RegExp
  rules: Rules
  options?: Omit<WorldOptions, 'faults'>
}

const mutant = (
  name: string,
  leadsTo: RegExp,
  change: Partial<Rules>,
  options?: Mutant['options'],
): Mutant => ({
  name,
  leadsTo,
  rules: { ...realRules, ...change },
  ...(options && { options }),
})

/** Drops the refused copy without waiting for Abort or Reclaimed (A_DROP). */
const dropAtOnce = (view: TargetView): ReturnType<typeof targetStep> => {
  const ours = view.last === 'REFUSE' && !view.live && view.xlGone && !view.got.release2
  return ours && (view.copy === 'paused' || view.copy === 'building') ? { do: 'destroy' } : targetStep(view)
}

const refuseByTimer = (view: TargetView): ReturnType<typeof targetStep> =>
  view.last === 'READY' && view.giveUp ? { do: 'refuse', why: view.giveUp } : dropAtOnce(view)

const besideXl = (view: TargetView): ReturnType<typeof targetStep> =>
  targetStep(view.live ? view : { ...view, xlGone: true })

const besideOwnXl = (view: SourceView): ReturnType<typeof sourceStep> =>
  sourceStep(view.live ? view : { ...view, xlGone: true })

const regular: Mutant['options'] = { regular: true }

/** Each of these must be found. */
export const harmful: Mutant[] = [
  mutant(
    'R_ENDSEEN: COMMIT before xl save has ended',
    /^I1/,
    {
      sourceStep: view =>
        view.last === 'HANDOVER' && view.live && view.readyGiven && !view.giveUp
          ? { do: 'commit' }
          : sourceStep(view),
    },
    regular,
  ),
  mutant(
    'a paused domain is not known for the held copy',
    /^ends in no named state/,
    {
      sourceStep: view => sourceStep(view.copy === 'suspended' ? { ...view, copy: 'paused' } : view),
    },
    regular,
  ),
  mutant('B_COMMITEARLY: COMMIT before GO', /^I1/, {
    sourceStep(view) {
      const early = view.last === 'PREPARED' || view.last === 'HANDOVER'
      if (early && view.live && view.ready && !view.giveUp) return { do: 'commit' }
      if (view.last === 'COMMIT' && view.live && !view.readyGiven) return { do: 'give-ready' }
      return sourceStep(view)
    },
  }),
  mutant('B_RESUMELOST: a lost report resumes', /^I1/, {
    sourceStep: view =>
      view.last === 'COMMIT' && view.copy === 'suspended' && view.xlGone
        ? { do: 'reclaim', why: 'the report was lost' }
        : sourceStep(view),
  }),
  mutant('B_GOFIRST: GO is fed before ACCEPT', /^I17/, {
    targetStep(view) {
      if (view.last === 'READY' && view.live && view.got.release)
        return view.goFed ? { do: 'accept', second: false } : { do: 'feed-go' }
      return view.last === 'ACCEPT' && view.copy === 'running' ? { do: 'go' } : targetStep(view)
    },
  }),
  mutant('B_REFUSELATE: refuses after ACCEPT', /^I4/, {
    targetSays: view =>
      (view.last === 'ACCEPT' || view.last === 'GO') && view.got.ask ? ['refuse'] : targetSays(view),
  }),
  mutant('A_HOLD: the target refuses by a timer of its own and drops its copy', /^I3/, {
    targetStep: refuseByTimer,
  }),
  mutant('A_NOGOREC: no record between ACCEPT and running', /^I17/, {
    targetStep(view) {
      if (view.last !== 'ACCEPT') return targetStep(view)
      if (view.copy === 'running') return { do: 'running', counted: false }
      if (view.copy === 'absent' && view.xlGone) return { do: 'return' }
      if (view.live && !view.xlGone) return view.goFed ? { do: 'wait', for: 'xl' } : { do: 'feed-go' }
      return view.xlGone && view.copy === 'paused' ? { do: 'unpause' } : { do: 'wait', for: 'xl' }
    },
  }),
  mutant('A_ACCEARLY: Accept is said at ACCEPT', /^I3/, {
    targetSays: view => (view.last === 'ACCEPT' || view.last === 'GO' ? ['accept'] : targetSays(view)),
  }),
  mutant('A_DROP: a refused copy is destroyed at once', /^I3/, { targetStep: dropAtOnce }),
  mutant('A_NOREREL: no second Release', /^I3/, {
    sourceStep(view) {
      const act = sourceStep(view)
      return act.do === 'commit2' ? { do: 'reclaim', why: 'own copy gone' } : act
    },
  }),
  mutant(
    'A_NOWAIT + A_STDOUT: recovery beside an xl whose stdout is open',
    /^I3/,
    { targetStep: besideXl },
    { stdoutStaysOpen: true, looseClean: true },
  ),
  mutant('A_NOWAIT: recovery beside a living xl', /^CLEAN: beside/, { targetStep: besideXl }),
  mutant('A_STDOUT: xl may destroy its copy after READY', /^I3/, {}, { stdoutStaysOpen: true }),
  mutant('RECLAIM with the copy gone, on Refuse, and Reclaimed said', /^I3/, {
    sourceStep: view =>
      view.last === 'COMMIT' && view.got.refuse ? { do: 'reclaim', why: 'refused' } : sourceStep(view),
  }),
  mutant(
    'the source acts beside its own living xl',
    /^ends/,
    { sourceStep: besideOwnXl },
    { looseClean: true },
  ),
  mutant('the source is CLEAN beside its own living xl', /^CLEAN: beside/, { sourceStep: besideOwnXl }),
  mutant('the source looks after its VM for as long as the stream is open', /^CLEAN: .*touched/, {
    sourceStep: view => sourceStep({ ...view, cleaned: false }),
  }),
  mutant('the target looks after its VM for as long as the stream is open', /^CLEAN: .*touched/, {
    targetStep: view => targetStep({ ...view, cleaned: false }),
  }),
  mutant('the source is CLEAN before the reclaimed VM runs', /^ends/, {
    sourceStep: view =>
      view.last === 'RECLAIM' && !view.live && view.xlGone && !view.cleaned
        ? { do: 'clean-up', detach: false }
        : sourceStep(view),
  }),
  mutant('the target is CLEAN with the refused copy still there', /^ends/, {
    targetStep(view) {
      const act = targetStep(view)
      return view.last === 'REFUSE' && act.do === 'destroy' ? { do: 'clean-up', detach: true } : act
    },
  }),
  mutant('the target acts after GO on "gone" as if it had never run', /^I17/, {
    targetStep: view =>
      view.last === 'GO' && view.xlGone && view.copy === 'absent' ? { do: 'return' } : targetStep(view),
  }),
  mutant('the source waits for ever on a Return', /^ends/, {
    sourceStep: view => sourceStep({ ...view, got: { ...view.got, return: false } }),
  }),
]

const arbiter = { arbiter: true }

/** The same where the storage arbitrates. */
export const harmfulWithArbiter: Mutant[] = [
  mutant(
    'B_ACCFIRST: ACCEPT before the storage is taken over',
    /^(I1|FENCE|I17)/,
    { targetStep: view => targetStep({ ...view, storage: 'none' }) },
    arbiter,
  ),
  mutant(
    'A_REREG: an evicted key is registered again',
    /^(I1|I17|FENCE)/,
    {
      targetStep: view =>
        view.last === 'READY' && view.storage === 'lost' && view.got.release && view.copy === 'paused'
          ? { do: 'take-back' }
          : targetStep(view),
    },
    arbiter,
  ),
  mutant(
    'A_TAKEBACK: a source without its copy takes the storage back',
    /^FENCE/,
    {
      sourceStep: view =>
        view.last === 'COMMIT' && view.got.refuse && view.copy === 'absent' && view.storage === 'unseen'
          ? { do: 'take-back' }
          : sourceStep(view),
    },
    arbiter,
  ),
  mutant(
    'the VM is resumed before its disk is taken back',
    /^FENCE/,
    {
      sourceStep: view =>
        sourceStep(
          view.got.return || view.got.refuse || view.last === 'RECLAIM' ? { ...view, storage: 'ours' } : view,
        ),
    },
    arbiter,
  ),
  mutant(
    'the source takes a silent target for an evicted one',
    /^(I1|FENCE|I17)/,
    {
      sourceStep: view =>
        view.last === 'COMMIT' && view.evictDue && view.copy === 'suspended' && !view.got.accept
          ? { do: 'reclaim', why: 'silence' }
          : sourceStep(view),
    },
    arbiter,
  ),
]

/** Harmless alone; why stands with each. */
export const harmless: Mutant[] = [
  mutant(
    'A_NOWAIT with stdout closed: xl cannot destroy, and its unpause is a no-op',
    /^/,
    {
      targetStep: besideXl,
    },
    { looseClean: true },
  ),
  mutant('a timer that refuses but keeps the copy: the source reclaims, or releases a second time', /^/, {
    targetStep: view =>
      view.last === 'READY' && view.giveUp ? { do: 'refuse', why: view.giveUp } : targetStep(view),
  }),
  mutant('no Ask: it serves a target that cannot take the storage over, which is not in this world', /^/, {
    sourceSays: view => sourceSays({ ...view, askDue: false }),
  }),
  mutant('Ask with the copy gone: the second Release still saves the kept copy', /^/, {
    sourceSays: view => (view.last === 'COMMIT' ? ['release', 'ask'] : sourceSays(view)),
  }),
  mutant(
    'Reclaimed before resume: the copy that is then dropped counts no more, ours is suspended and ours to resume',
    /^/,
    {
      sourceSays: view => (view.last === 'RECLAIM' ? ['reclaimed'] : sourceSays(view)),
    },
  ),
]
