/** Green power and load of a site, from the meters of all its hosts. A meter that cannot be trusted is never used. */
import type { MeterRole, Ms, Quality, Sample, W } from '@heliotrope/shared'
import { HOUR, MINUTE } from '@heliotrope/shared'

/** A meter that has not spoken for so long is no meter any more. */
const FORGOTTEN_MS: Ms = HOUR
/** A sample dated further ahead than this comes from a clock that is off. */
const AHEAD_MS: Ms = 5 * MINUTE

export interface MeterReading {
  /** Sum over the meters; undefined if there is none, or one of them cannot be trusted now. */
  valueW?: W
  /** The worst of the meters'. */
  quality: Quality | 'missing'
}

const worstFirst: readonly Quality[] = ['stale', 'constant', 'estimated', 'measured']

/**
 * One reading for a role at a site. A meter name that several agents see is one meter; its newest sample counts.
 * @param samples of all hosts of the site
 */
export function siteReading(samples: readonly Sample[], role: MeterRole, now: Ms, staleMs: Ms): MeterReading {
  const newest = new Map<string, Sample>()
  for (const sample of samples) {
    if (sample.role !== role || now - sample.at > FORGOTTEN_MS) continue
    const before = newest.get(sample.meter)
    if (!before || before.at < sample.at) newest.set(sample.meter, sample)
  }
  if (newest.size === 0) return { quality: 'missing' }
  const meters = [...newest.values()]
  const qualities = meters.map(sample => effective(sample, now, staleMs))
  const quality = worstFirst.find(candidate => qualities.includes(candidate)) ?? 'stale'
  if (quality !== 'measured' && quality !== 'estimated') return { quality }
  // An inverter at night reads a few watts below zero; that is no green power, and no debt either.
  return { valueW: meters.reduce((sum, sample) => sum + Math.max(0, sample.valueW), 0), quality }
}

const effective = (sample: Sample, now: Ms, staleMs: Ms): Quality =>
  now - sample.at > staleMs || sample.at - now > AHEAD_MS ? 'stale' : sample.quality
