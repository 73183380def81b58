import type { Snapshot, VmId } from '@heliotrope/shared'
import type { Plan } from './types.js'

/** Answers in words why a VM moves, or why not. */
export function explain(_plan: Plan, _snapshot: Snapshot, vm: VmId): string {
  return vm
}
