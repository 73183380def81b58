/** Green power and load of a site, from the meters of all its hosts. A meter that cannot be trusted is never used. */
import type { MeterRole, Ms, Quality, SiteMeter, W } from '@heliotrope/shared'
import { HOUR, MINUTE } from '@heliotrope/shared'
import { meterGroups } from './meter-groups.js'
import type { SeenSample } from './meter-groups.js'
import { agreedReading } from './agreed-reading.js'

/** A meter that has not spoken for so long is no meter any more. */
const FORGOTTEN_MS: Ms = HOUR
/** A sample dated further ahead than this comes from a clock that is off. */
const AHEAD_MS: Ms = 5 * MINUTE

export interface MeterReading {
  /** Sum over the meters; undefined if there is none, or one of them cannot be trusted now. */
  valueW?: W
  /** The worst of the meters'. */
  quality: Quality | 'missing'
  meters: SiteMeter[]
}

const worstFirst: readonly Quality[] = ['stale', 'constant', 'estimated', 'measured']

/**
 * One reading for a role at a site. A meter that several agents read counts once.
 * @param samples of all hosts of the site
 */
export function siteReading(
  samples: readonly SeenSample[],
  role: MeterRole,
  now: Ms,
  staleMs: Ms,
): MeterReading {
  const seen = samples
    .filter(sample => sample.role === role && now - sample.at <= FORGOTTEN_MS)
    .map(sample => ({ ...sample, quality: effective(sample, now, staleMs) }))
  const meters = meterGroups(seen).map(agreedReading)
  if (meters.length === 0) return { quality: 'missing', meters }
  const quality = worstFirst.find(candidate => meters.some(meter => meter.quality === candidate)) ?? 'stale'
  if (quality !== 'measured' && quality !== 'estimated') return { quality, meters }
  // An inverter at night reads a few watts below zero; that is no green power, and no debt either.
  return { valueW: meters.reduce((sum, meter) => sum + Math.max(0, meter.valueW ?? 0), 0), quality, meters }
}

const effective = (sample: SeenSample, now: Ms, staleMs: Ms): Quality =>
  now - sample.at > staleMs || sample.at - now > AHEAD_MS ? 'stale' : sample.quality
