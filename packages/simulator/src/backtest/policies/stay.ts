/** Moves nothing: what all others are measured against. */
import type { Policy } from './policy.js'

export const stay = (): Policy => ({ decide: () => [] })
