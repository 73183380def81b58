/** Who was not let in, for the audit: an act of its own each, up to a bound an hour, so that a flood reaches only the log. */
import { errorChain, HOUR } from '@heliotrope/shared'
import type { Clock, Log, Ms } from '@heliotrope/shared'
import type { Audit } from './audit.js'

const REFUSALS_PER_HOUR = 100

export interface Refusals {
  /** Never throws. @param what `session`, `join`, `renew` @param subject host or address */
  note(what: string, subject: string, why: string): void
}

export function openRefusals(ports: { clock: Clock; log: Log; audit: Audit }): Refusals {
  const { clock, log, audit } = ports
  let [since, count]: [Ms, number] = [clock.mono(), 0]
  return {
    note(what, subject, why) {
      if (clock.mono() - since > HOUR) [since, count] = [clock.mono(), 0]
      if (count++ >= REFUSALS_PER_HOUR) return
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
