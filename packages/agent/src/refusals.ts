/** What was refused, for the audit: a record each in the journal, up to a bound, so that a flood reaches only the log. */
import { errorChain } from '@heliotrope/shared'
import type { Journal, Log } from '@heliotrope/shared'

/** Refusals written to the journal in a row. */
const AUDITED_REFUSALS = 100

export interface Refusals {
  /** Never throws: a journal that cannot be written lets nobody in. */
  note(body: Record<string, unknown>): void
  /** Somebody honest was here. */
  reset(): void
}

/** @param stream where the records go, such as `audit/commands` */
export function openRefusals(journal: Journal, log: Log, stream: string): Refusals {
  let count = 0
  return {
    note(body) {
      if (count++ >= AUDITED_REFUSALS) return
      try {
        journal.append(stream, 'refused', body)
      } catch (cause) {
        log.error('refusal could not be journalled', { error: errorChain(cause) })
      }
    },
    reset: () => void (count = 0),
  }
}
