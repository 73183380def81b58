/**
 * The rules of both sides in every order of events, up to a few faults, and in random runs with many. More by hand:
 * RULES_FAULTS=5 (about a minute), RULES_WALKS=1000000, RULES_SEED=7.
 */
import { env } from 'node:process'
import { seededRng } from '@heliotrope/shared'
import t from 'tap'
import type { Test } from 'tap'
import { realRules } from './support/rules-mutants.js'
import { explore, walk } from './support/rules-world-explore.js'
import type { Explored, Found } from './support/rules-world-explore.js'
import type { WorldOptions } from './support/rules-world-options.js'
import { firstWorld, keyOf } from './support/rules-world.js'
import type { World } from './support/rules-world.js'

const FAULTS = Number(env.RULES_FAULTS ?? 2)
const WALKS = Number(env.RULES_WALKS ?? 2_000)
const SEED = Number(env.RULES_SEED ?? 1)

const tell = (found: Found | undefined): string => (found ? `${found.what}:\n${found.story.join('\n')}` : '')

function everywhere(t: Test, options: WorldOptions): Explored {
  const explored = explore(realRules, options)
  t.comment(`${explored.states} states`, Object.fromEntries(explored.ends))
  t.equal(explored.found, undefined, tell(explored.found))
  return explored
}

t.setTimeout(600_000)

t.test('the key tells any two worlds apart that differ in one field', async t => {
  const first = firstWorld()
  for (const field of Object.keys(first) as (keyof World)[]) {
    if (field === 'bad') continue
    const other = { ...first, [field]: (first[field] as number) ^ 1 }
    t.not(keyOf(other), keyOf(first), field)
  }
})

t.test('without faults the VM ends at the target, or stays because a side gave up', async t => {
  const { ends, stories } = everywhere(t, { faults: 0, coordinator: true })
  t.strictSame([...ends.keys()].sort(), ['source', 'target'])
  t.ok(stories.get('target')?.includes('tgt xl: unpauses'))
})

t.test('the coordinator gone, hosts and link come back: at one place, or lost with a host', async t => {
  const { ends, events } = everywhere(t, { faults: FAULTS })
  t.strictSame([...ends.keys()].sort(), ['cold boot', 'source', 'source+open', 'target', 'target+open'])
  // It has been everywhere: each record was written for each reason, each word was said.
  const acts = [
    'SRC HANDOVER: commit',
    'SRC COMMIT: reclaim (the target refused)',
    'SRC COMMIT: reclaim (the target returned it)',
    'SRC COMMIT: commit2',
    'SRC COMMIT2: released',
    'SRC RELEASED: destroy',
    'SRC ABORT: resume',
    'TGT ACCEPT: return',
    'TGT GO: unpause',
    'TGT REFUSE: accept',
    'TGT REFUSE: destroy',
    'FAULT done lost',
  ]
  if (FAULTS >= 2)
    acts.push(
      'SRC COMMIT: reclaim (both copies are gone: the VM needs a cold boot by grant)',
      'SRC COMMIT2: reclaim (both copies are gone: the VM needs a cold boot by grant)',
      'TGT REFUSE: lost',
      'TGT RETURN: lost',
    )
  for (const act of acts) t.ok(events.has(act), act)
})

t.test('a regular move, with its copy paused at the source: the same ends', async t => {
  const { ends, events } = everywhere(t, { faults: Math.max(1, FAULTS - 1), regular: true })
  t.strictSame([...ends.keys()].sort(), ['cold boot', 'source', 'source+open', 'target', 'target+open'])
  for (const act of [
    'SRC HANDOVER: commit',
    'SRC COMMIT: reclaim (the target refused)',
    'SRC RELEASED: destroy',
    'SRC ABORT: resume',
    'FAULT src xl: fails behind END, resumes, exits',
  ])
    t.ok(events.has(act), act)
  if (FAULTS > 2) everywhere(t, { faults: 1, regular: true, staleLooks: true })
})

t.test('with the coordinator to tell that the other side has closed, every stream closes', async t => {
  const { ends } = everywhere(t, { faults: Math.max(1, FAULTS - 1), coordinator: true })
  t.strictSame([...ends.keys()].sort(), ['cold boot', 'source', 'target'])
})

t.test('what went down may stay down: named waits only', async t => {
  const { ends } = everywhere(t, { faults: Math.max(1, FAULTS - 1), perm: true })
  for (const end of ['target gone', 'source gone', 'copy kept', 'runs, clean-up waits'])
    t.ok(ends.has(end), end)
})

t.test('the storage arbitrates: the source of a silent target takes the VM back, or waits', async t => {
  const { ends, events } = everywhere(t, { faults: Math.max(1, FAULTS - 1), arbiter: true })
  t.strictSame([...ends.keys()].sort(), ['cold boot', 'source', 'source+open', 'target', 'target+open'])
  for (const act of [
    'SRC COMMIT: take-over',
    'SRC COMMIT: reclaim (the target can never accept: its key is evicted)',
    'SRC COMMIT: take-back',
    'TGT READY: take-over',
    'TGT READY: refuse (the source has taken the storage back)',
    'TGT REFUSE: take-back',
  ])
    t.ok(events.has(act), act)
})

t.test('the storage arbitrates, and what went down may stay down', async t => {
  const { ends, stories } = everywhere(t, { faults: Math.max(1, FAULTS - 1), arbiter: true, perm: true })
  t.ok(ends.has('target gone'), 'it had taken the storage over')
  t.ok(stories.get('target gone')?.includes('TGT READY: take-over'))
})

t.test('decisions on looks that have grown old', async t => {
  everywhere(t, { faults: Math.max(1, FAULTS - 1), staleLooks: true })
})

t.test('a guest that suspends after CLEAN needs the sweeper', async t => {
  const { found } = explore(realRules, { faults: 1, noSweeper: true })
  t.equal(found?.what, 'ends in no named state')
  t.equal(found?.story.at(-1), 'guest suspends late')
})

t.test('random runs with many faults', async t => {
  const met = new Set<string>()
  for (let run = 0; run < WALKS; run++) {
    const options = { faults: 12, perm: run % 2 === 0, staleLooks: run % 3 === 0, arbiter: run % 5 > 1 }
    const { end, found } = walk(realRules, options, seededRng(SEED * 1_000_003 + run))
    if (found) return t.fail(`seed ${SEED}, run ${run}: ${tell(found)}`)
    met.add(end)
  }
  t.ok(met.has('target') && met.has('source'), [...met].join(', '))
})
