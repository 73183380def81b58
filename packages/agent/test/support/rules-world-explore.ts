/** Walks a world: everywhere, breadth first, up to a number of faults; or at random, seeded, with more of them. */
import type { Rng } from '@heliotrope/shared'
import { endOf } from './rules-world-ends.js'
import { steps } from './rules-world-steps.js'
import type { WorldOptions } from './rules-world-options.js'
import type { Rules } from './rules-world-steps.js'
import { firstWorld, GIVING_UP, keyOf } from './rules-world.js'
import type { World } from './rules-world.js'

export interface Found {
  what: string
  /** What happened, in order; the shortest there is, if found breadth first. */
  story: string[]
  world: World
}

export interface Explored {
  states: number
  /** How often each kind of end was met. */
  ends: Map<string, number>
  found?: Found
  /** The shortest story to each kind of end. */
  stories: Map<string, string[]>
  /** What happened anywhere, as the stories say it. */
  events: Set<string>
}

interface Next {
  after: World
  label: string
}

/** Every state that can be reached. Stops at the first violation. */
export function explore(rules: Rules, options: WorldOptions, maxStates = Infinity): Explored {
  const first = firstWorld(options.arbiter)
  const seen = new Map<string, number>([[keyOf(first), 0]])
  const parents: number[] = [-1]
  const labels: string[] = ['']
  const ends = new Map<string, number>()
  const stories = new Map<string, string[]>()
  const events = new Set<string>()
  const storyOf = (index: number): string[] => {
    const story: string[] = []
    for (let at = index; at > 0; at = parents[at]!) story.unshift(labels[at]!)
    return story
  }
  let frontier: World[] = [first]
  let indices: number[] = [0]
  while (frontier.length > 0) {
    const next: World[] = []
    const nextIndices: number[] = []
    for (let i = 0; i < frontier.length; i++) {
      const world = frontier[i]!
      const index = indices[i]!
      const key = keyOf(world)
      let goesOn = options.staleLooks === true && !quiet(world, rules, options)
      let found: Found | undefined
      steps(world, rules, options, (after, label) => {
        if (found) return
        if (after.bad !== '') {
          found = { what: after.bad, story: [...storyOf(index), label], world: after }
          return
        }
        const afterKey = keyOf(after)
        if (afterKey === key) return
        if (after.faults === world.faults && !options.staleLooks) goesOn = true
        if (seen.has(afterKey)) return
        const at = parents.length
        seen.set(afterKey, at)
        events.add(label)
        parents.push(index)
        labels.push(label)
        next.push(after)
        nextIndices.push(at)
      })
      if (found) return { states: seen.size, ends, stories, events, found }
      if (goesOn) continue
      const end = endOf(world) ?? (options.anyEnd ? 'any' : undefined)
      if (end === undefined)
        return {
          states: seen.size,
          ends,
          stories,
          events,
          found: { what: 'ends in no named state', story: storyOf(index), world },
        }
      if (!ends.has(end)) stories.set(end, storyOf(index))
      ends.set(end, (ends.get(end) ?? 0) + 1)
    }
    if (seen.size > maxStates) throw new Error(`more than ${maxStates} states`)
    frontier = next
    indices = nextIndices
  }
  return { states: seen.size, ends, stories, events }
}

/** Nothing goes on any more, however often the movers look; only faults could change the world. */
function quiet(world: World, rules: Rules, options: WorldOptions): boolean {
  if (world.sLook > 0 || world.tLook > 0) return false
  const key = keyOf(world)
  let goesOn = false
  steps(world, rules, { ...options, staleLooks: false, faults: 0 }, after => {
    if (after.bad !== '' || keyOf(after) !== key) goesOn = true
  })
  return !goesOn
}

/** The least number of faults with which a violation is reached, and its shortest story; undefined up to `most`. */
export function leastFaults(
  rules: Rules,
  options: Omit<WorldOptions, 'faults'>,
  most: number,
): (Found & { faults: number }) | undefined {
  for (let faults = 0; faults <= most; faults++) {
    const { found } = explore(rules, { ...options, faults })
    if (found) return { ...found, faults }
  }
  return undefined
}

/**
 * One random run to its end. Each run draws how likely a fault is; a side seldom gives up by itself, or few runs would
 * come to the hand-over.
 */
export function walk(rules: Rules, options: WorldOptions, rng: Rng): { found?: Found; end: string } {
  let world = firstWorld(options.arbiter)
  const story: string[] = []
  const likely = rng.fraction() * 0.15
  const pick = (among: Next[]): Next => among[Math.floor(rng.fraction() * among.length)]!
  for (;;) {
    if (quiet(world, rules, options)) {
      const end = endOf(world)
      if (end !== undefined) return { end }
      return { end: 'none', found: { what: 'ends in no named state', story, world } }
    }
    const key = keyOf(world)
    const onward: Next[] = []
    const failing: Next[] = []
    steps(world, rules, options, (after, label) => {
      if (after.bad !== '' || keyOf(after) !== key)
        (after.faults > world.faults ? failing : onward).push({ after, label })
    })
    const patient = onward.filter(({ label }) => !label.includes(GIVING_UP))
    const fails = failing.length > 0 && rng.fraction() < likely
    const next = pick(fails ? failing : patient.length > 0 && rng.fraction() < 0.99 ? patient : onward)
    story.push(next.label)
    if (next.after.bad !== '')
      return { end: 'none', found: { what: next.after.bad, story, world: next.after } }
    world = next.after
  }
}
