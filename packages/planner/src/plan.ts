import type { Snapshot } from '@heliotrope/shared'
import type { Plan, Policy } from './types.js'

export function plan(snapshot: Snapshot, policy: Policy): Plan {
  return { at: snapshot.at, verdict: 'NO_ACTION_NEEDED', moves: [], refusals: [], sites: [], policy }
}
