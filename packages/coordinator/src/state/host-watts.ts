/** What a host draws now by its own meters: one, or several that each measure a part (two power supplies). */
import type { Ms, Sample, W } from '@heliotrope/shared'
import { HOUR, MINUTE } from '@heliotrope/shared'
import { meterGroups } from './meter-groups.js'

/** A meter that has not spoken for so long is no part of the host any more. */
const FORGOTTEN_MS: Ms = HOUR
/** A part that was not read again counts as it was for so long. */
const HOLD_MS: Ms = 2 * MINUTE

const trusted = ({ quality }: Sample): boolean => quality === 'measured' || quality === 'estimated'

/**
 * @param latest last sample of each meter of the host @param news samples of this report @param at its time
 * @returns the mean since the last report; undefined without a meter, and if one part cannot be trusted: a sum without it
 *   would be too little
 */
export function hostWatts(latest: readonly Sample[], news: readonly Sample[], at: Ms): W | undefined {
  const own = latest.filter(({ role, at: taken }) => role === 'host-power' && at - taken <= FORGOTTEN_MS)
  if (own.length === 0) return undefined
  let sum = 0
  for (const [first] of meterGroups(own)) {
    const sample = first as Sample
    if (!trusted(sample)) return undefined
    const fresh = news.filter(one => one.role === 'host-power' && one.meter === sample.meter && trusted(one))
    if (fresh.length > 0) sum += fresh.reduce((total, { valueW }) => total + valueW, 0) / fresh.length
    else if (at - sample.at <= HOLD_MS) sum += sample.valueW
    else return undefined
  }
  return sum
}
