import type { Snapshot } from '@heliotrope/shared'
import type { Plan, Problem } from './types.js'

/** Verifies every hard constraint of a plan anew, against a snapshot that may be newer than the plan. */
export function lint(_plan: Plan, _snapshot: Snapshot): Problem[] {
  return []
}
