/** One reading of one meter, from the agents that read it: the best of them, and a note if they do not agree. */
import type { HostId, Ms, SiteMeter, W } from '@heliotrope/shared'
import { SECOND } from '@heliotrope/shared'
import type { SeenSample } from './meter-groups.js'

/** Readings further apart in time may differ: clouds pass. */
const TOGETHER_MS: Ms = 15 * SECOND
/** Two readers of one register, seconds apart, differ less. */
const APART_W: W = 25
const APART_SHARE = 0.25

const trusted = ({ quality }: SeenSample): boolean => quality === 'measured' || quality === 'estimated'

/**
 * An agent that can be trusted goes before one that lost the meter; then the newer goes first. Readers that contradict
 * each other give the cautious value: the least of green power, the most of what is drawn.
 * @param group of one meter, with the quality that each sample has now; not empty
 */
export function agreedReading(group: readonly SeenSample[]): SiteMeter {
  const [best, ...others] = [...group].sort(
    (a, b) =>
      Number(trusted(b)) - Number(trusted(a)) || b.at - a.at || (String(a.host) < String(b.host) ? -1 : 1),
  ) as [SeenSample, ...SeenSample[]]
  const { meter, role, at } = best
  const device = group.find(sample => sample.device !== undefined)?.device
  const hosts = [...new Set(group.flatMap(({ host }) => (host === undefined ? [] : [host])))].sort()
  const base = { meter, role, ...(device === undefined ? {} : { device }), hosts: hosts as HostId[], at }
  if (!trusted(best)) return { ...base, quality: best.quality }
  const beside = others.filter(other => trusted(other) && Math.abs(other.at - at) <= TOGETHER_MS)
  const against = beside.filter(other => apart(other.valueW, best.valueW))
  if (against.length === 0) return { ...base, valueW: best.valueW, quality: best.quality }
  const values = [best, ...against].map(({ valueW }) => valueW)
  return {
    ...base,
    valueW: role === 'green-power' ? Math.min(...values) : Math.max(...values),
    quality: 'estimated',
    note: `its readers do not agree: ${[best, ...against].map(({ host, valueW }) => `${host ?? 'one'} says ${Math.round(valueW)} W`).join(', ')}`,
  }
}

const apart = (a: W, b: W): boolean =>
  Math.abs(a - b) > Math.max(APART_W, APART_SHARE * Math.max(Math.abs(a), Math.abs(b)))
