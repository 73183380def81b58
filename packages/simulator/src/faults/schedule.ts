/** Which faults are tried: every single one at every place, each with a fault of a link, and seeded mixtures. */
import { below, seededRng } from '@heliotrope/shared'
import type { Rng } from '@heliotrope/shared'
import { isHostile, isStandby, isUnwatched, plots } from './case.js'
import type { FaultCase, Plot } from './case.js'
import {
  clockFaults,
  guestFaults,
  hostileFaults,
  kills,
  linkFaults,
  messageFates,
  moreKills,
  recordFaults,
  standbyFaults,
  storageFaults,
  xlFaults,
} from './fault-kinds.js'
import type { Injection, Phase, PointSeen } from './points.js'

/** A plot, and the points of a run of it without faults. */
export interface Ground {
  plot: Plot
  points: readonly PointSeen[]
}

const phases: readonly Phase[] = ['before', 'after']

/** Faults that make sense before, or after, a point of this kind. */
function faultsAt({ kind, point }: PointSeen, phase: Phase): readonly string[] {
  if (kind === 'message') return phase === 'before' ? messageFates : []
  const anywhere = [...kills, ...linkFaults, ...storageFaults, ...guestFaults, ...clockFaults]
  if (kind === 'record' && phase === 'before') return [...anywhere, ...moreKills, ...recordFaults, 'torn']
  if (point === 'start #1') return [...anywhere, ...xlFaults]
  return anywhere
}

const unwatchedFrom = (plot: Plot): string =>
  plot === 'guest-crash'
    ? 'target@b start #2'
    : plot === 'guest-reboot'
      ? 'source@a PREPARED #2'
      : 'source@a CLEAN #1'

/** While the line between the hosts of the plot is cut, the same is asked and answered over and over. */
const HOSTILE_TIMES = 4

/** Records and acts before the order are of no interest: nothing has begun. */
function fromStart({ plot, points }: Ground): readonly PointSeen[] {
  const start = Math.max(
    0,
    points.findIndex(({ point }) => point === 'start #1'),
  )
  const times = isHostile(plot) ? HOSTILE_TIMES : Infinity
  // What comes before the end of the guest, or of the first try, the other plots have.
  const from = isUnwatched(plot) ? points.findIndex(({ point }) => point === unwatchedFrom(plot)) : start
  return points.slice(from).filter(({ point }) => Number(/ #(\d+)$/.exec(point)?.[1] ?? 0) <= times)
}

/** Every fault at every point of a run without faults, from the order on. */
export function singles(ground: Ground): Injection[] {
  return fromStart(ground).flatMap(seen =>
    phases.flatMap(phase =>
      // What a point of xl's own announces has happened already: before and after are one.
      seen.kind === 'xl' && phase === 'before'
        ? []
        : [...faultsAt(seen, phase), ...ownFaultsAt(ground.plot, seen, phase)].map(what => ({
            ...{ phase, point: seen.point, what },
          })),
    ),
  )
}

/** Faults that there are only in this plot. */
function ownFaultsAt(plot: Plot, { kind }: PointSeen, phase: Phase): readonly string[] {
  if (kind !== 'record' || phase !== 'before') return []
  return isHostile(plot) ? hostileFaults : isStandby(plot) ? standbyFaults : []
}

/** How many points there are at which singles are tried. */
export const pointsOf = (ground: Ground): number => fromStart(ground).length

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
  const records = points
    .slice(points.findIndex(({ point }) => point === `${stretch.from} #1`))
    .filter(({ kind, point }) => kind !== 'message' && !/heads:|audit:|command:/.test(point))
  const serious = singles({ plot, points: records }).filter(({ what }) =>
    [...kills, ...recordFaults].some(name => name === what),
  )
  return serious.flatMap(one =>
    stretch.linkPlaces.flatMap(place =>
      pairLinks.map(what => [{ phase: 'after' as const, point: `${place} #1`, what }, one]),
    ),
  )
}

/** What a mixture is made of, weighed: the same for each seed. */
type Weighed = readonly (readonly [weight: number, faults: readonly string[]])[]
const weighed: Weighed = [
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
  const ground = pick(rng, grounds)
  const { plot } = ground
  const from = fromStart(ground)
  const forging = isHostile(plot) ? ([[4, hostileFaults]] as const) : []
  const count = 1 + below(rng, 4)
  const faults = Array.from({ length: count }, () => {
    const seen = pick(rng, from)
    return injectionAt(rng, seen, [...weighed, ...forging])
  })
  if (below(rng, 12) === 0) faults.push({ phase: 'after', point: 'start #1', what: pick(rng, xlFaults) })
  return { plot, seed, faults }
}

function injectionAt(rng: Rng, seen: PointSeen, weighed: Weighed): Injection {
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
