/** Which faults are tried: every single one at every place, each with a fault of a link, and seeded mixtures. */
import { below, seededRng } from '@heliotrope/shared'
import type { Rng } from '@heliotrope/shared'
import { plots } from './case.js'
import type { FaultCase, Plot } from './case.js'
import {
  clockFaults,
  guestFaults,
  kills,
  linkFaults,
  messageFates,
  moreKills,
  recordFaults,
  storageFaults,
  xlFaults,
} from './fault-kinds.js'
import type { Injection, Phase, PointSeen } from './points.js'

const phases: readonly Phase[] = ['before', 'after']

/** Faults that make sense before, or after, a point of this kind. */
function faultsAt({ kind, point }: PointSeen, phase: Phase): readonly string[] {
  if (kind === 'message') return phase === 'before' ? messageFates : []
  const anywhere = [...kills, ...linkFaults, ...storageFaults, ...guestFaults, ...clockFaults]
  if (kind === 'record' && phase === 'before') return [...anywhere, ...moreKills, ...recordFaults, 'torn']
  if (point === 'start #1') return [...anywhere, ...xlFaults]
  return anywhere
}

/** Records and acts before the order are of no interest: nothing has begun. */
const fromStart = (points: readonly PointSeen[]): readonly PointSeen[] =>
  points.slice(
    Math.max(
      0,
      points.findIndex(({ point }) => point === 'start #1'),
    ),
  )

/** Every fault at every point of a run without faults, from the order on. */
export function singles(points: readonly PointSeen[]): Injection[] {
  return fromStart(points).flatMap(seen =>
    phases.flatMap(phase =>
      // What a point of xl's own announces has happened already: before and after are one.
      seen.kind === 'xl' && phase === 'before'
        ? []
        : faultsAt(seen, phase).map(what => ({ phase, point: seen.point, what })),
    ),
  )
}

/** How many points there are at which singles are tried. */
export const pointsOf = (points: readonly PointSeen[]): number => fromStart(points).length

/** In a pair the lines are down for long enough to matter. */
const pairLinks = ['cut ab', 'cut ac', 'cut bc', 'drop ab'] as const

/** A stretch of a plot that is played in pairs, and the places at which the fault of a link begins. */
interface Stretch {
  from: string
  linkPlaces: readonly string[]
}

/** With the order, the copy, READY, COMMIT, ACCEPT, RUNNING. */
const move: Stretch = {
  from: 'start',
  linkPlaces: [
    'start',
    'source@a start',
    'target@b READY',
    'source@a COMMIT',
    'target@b ACCEPT',
    'target@b RUNNING',
  ],
}
/** What comes before it is a move that fails: the others have that. */
const coldBoot: Stretch = {
  from: 'coordinator boot:REQUESTED',
  linkPlaces: [
    'coordinator boot:REQUESTED',
    'agent@b yield:YIELD',
    'coordinator boot:GRANTED',
    'agent@a boot:BOOT',
    'agent@a create',
  ],
}
/** From the word of the other host on; the coordinator is gone. */
const alone: Stretch = {
  from: 'agent@b yield:YIELD',
  linkPlaces: ['agent@b yield:YIELD', 'agent@a self:BOOT', 'agent@a create'],
}
/** The way back and a second try are the same move again: their pairs would tell nothing new. */
const stretches: Partial<Record<Plot, Stretch>> = { there: move, regular: move, boot: coldBoot, alone }

/**
 * Every kill, power cut and failing record at every record and act of a move, live or regular, and of a cold boot, each
 * with every fault of a link.
 */
export function pairs({ plot, points }: Ground): Injection[][] {
  const stretch = stretches[plot]
  if (!stretch) return []
  const serious = singles(
    points
      .slice(points.findIndex(({ point }) => point === `${stretch.from} #1`))
      .filter(({ kind, point }) => kind !== 'message' && !/heads:|audit:|command:/.test(point)),
  ).filter(({ what }) => [...kills, ...recordFaults].some(name => name === what))
  return serious.flatMap(one =>
    stretch.linkPlaces.flatMap(place =>
      pairLinks.map(what => [{ phase: 'after' as const, point: `${place} #1`, what }, one]),
    ),
  )
}

/** What a mixture is made of, weighed: the same for each seed. */
export interface Ground {
  plot: Plot
  points: readonly PointSeen[]
}

const weighed: readonly (readonly [weight: number, faults: readonly string[]])[] = [
  [10, kills],
  [3, moreKills],
  [6, linkFaults],
  [2, storageFaults],
  [1, guestFaults],
  [1, clockFaults],
]

/** @param grounds a run without faults of each plot */
export function mixture(seed: number, grounds: readonly Ground[]): FaultCase {
  const rng = seededRng(seed)
  const { plot, points } = pick(rng, grounds)
  const from = fromStart(points)
  const count = 1 + below(rng, 4)
  const faults = Array.from({ length: count }, () => {
    const seen = pick(rng, from)
    return injectionAt(rng, seen)
  })
  if (below(rng, 12) === 0) faults.push({ phase: 'after', point: 'start #1', what: pick(rng, xlFaults) })
  return { plot, seed, faults }
}

function injectionAt(rng: Rng, seen: PointSeen): Injection {
  const { point, kind } = seen
  if (kind === 'message') {
    const what = below(rng, 5) === 0 ? 'stale' : pick(rng, messageFates)
    return { phase: 'before', point, what: what === 'stale' && !/^[ab]>[ab]/.test(point) ? 'double' : what }
  }
  const phase = pick(rng, phases)
  if (kind === 'record' && below(rng, 6) === 0)
    return { phase: 'before', point, what: pick(rng, [...recordFaults, 'torn']) }
  const total = weighed.reduce((sum, [weight]) => sum + weight, 0)
  let at = below(rng, total)
  for (const [weight, faults] of weighed) {
    if (at < weight) return { phase, point, what: pick(rng, faults) }
    at -= weight
  }
  return { phase, point, what: kills[0] }
}

const pick = <T>(rng: Rng, of: readonly T[]): T => of[below(rng, of.length)] as T

export const allPlots: readonly Plot[] = plots
