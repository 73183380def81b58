/** Which reading of green power may be acted upon. */
import type { SiteState, W } from '@heliotrope/shared'

/**
 * Green power of a site in W, or undefined if nothing may be decided by it. A constant reading is a stuck meter,
 * except at 0 W: panels read that all night, and believing it at worst leaves green power unused.
 */
export function trustedGreenW(site: SiteState): W | undefined {
  const { greenW, greenQuality } = site
  if (greenW === undefined || !Number.isFinite(greenW) || greenW < 0) return undefined
  if (greenQuality === 'measured' || greenQuality === 'estimated') return greenW
  return greenQuality === 'constant' && greenW === 0 ? 0 : undefined
}
