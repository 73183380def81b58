/**
 * Who or what was not let in, for the audit: an act of its own each. Up to a bound an hour for each kind, so that a flood
 * reaches only the log, and a flood of one kind hides none of another.
 */
import { errorChain, HOUR } from '@heliotrope/shared'
import type { Clock, Log, Ms } from '@heliotrope/shared'
import type { Audit } from './audit.js'

const REFUSALS_PER_HOUR = 100

export type RefusedKind = 'session' | 'join' | 'renew' | 'statement'

export interface Refusals {
  /** Never throws. @param subject host or address */
  note(what: RefusedKind, subject: string, why: string): void
}

export function openRefusals(ports: { clock: Clock; log: Log; audit: Audit }): Refusals {
  const { clock, log, audit } = ports
  const counts = new Map<RefusedKind, { since: Ms; count: number }>()
  return {
    note(what, subject, why) {
      const before = counts.get(what)
      const hour = before && clock.mono() - before.since <= HOUR ? before : { since: clock.mono(), count: 0 }
      counts.set(what, hour)
      if (hour.count++ >= REFUSALS_PER_HOUR) return
      const reason = [{ by: subject, why: why.slice(0, 500), at: Math.round(clock.wall()) }]
      try {
        const act = audit.begin({ what: `${what}.refused`, subject, reason })
        audit.finish(act, 'refused', why.slice(0, 500))
      } catch (cause) {
        log.error('a refusal could not be audited', { error: errorChain(cause) })
      }
    },
  }
}
