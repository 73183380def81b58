/**
 * What a coordinator is made of: an ordered list of parts. What they hear from each other are the few events named here; who
 * hears them first is the order of the list, which compose.ts makes.
 */
import type { Hello, HostId } from '@heliotrope/shared'
import type { MoveState } from './saga/records.js'

export interface CoordinatorPart {
  readonly name: string
  /** Audit acts that an earlier process began and this part goes on with. Asked before the first part starts. */
  openActs?(): string[]
  /** In the order of the list. @param openActs of all parts @throws journal-failed */
  start?(openActs: readonly string[]): void
  /** Begin nothing more. Told to all, in the reverse order, before the sessions of the agents end. */
  stopping?(): void
  /** In the reverse order, one after the other. */
  stop?(): void | Promise<void>
  /** A host was let in. @throws what ends its session */
  hostArrived?(hello: Hello): void
  hostLeft?(host: HostId): void
  /** Something important has changed in the picture of the fleet. */
  fleetChanged?(): void
  /** A move has its DONE record. */
  moveEnded?(state: MoveState): void
}

type Event = 'hostArrived' | 'hostLeft' | 'fleetChanged' | 'moveEnded'

/** Tells one event to each part, in the order of the list as it is then. */
export const tellAll =
  <E extends Event>(parts: readonly CoordinatorPart[], event: E) =>
  (...what: Parameters<NonNullable<CoordinatorPart[E]>>): void => {
    for (const part of parts) (part[event] as ((...what: unknown[]) => void) | undefined)?.(...what)
  }

/** @throws journal-failed */
export function startAll(parts: readonly CoordinatorPart[]): void {
  const openActs = parts.flatMap(part => part.openActs?.() ?? [])
  for (const part of parts) part.start?.(openActs)
}

/** @param endSessions between the two: what waits for the answer of an agent then ends */
export async function stopAll(parts: readonly CoordinatorPart[], endSessions: () => void): Promise<void> {
  const reverse = [...parts].reverse()
  for (const part of reverse) part.stopping?.()
  endSessions()
  for (const part of reverse) await part.stop?.()
}
