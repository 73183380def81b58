/**
 * The audit: each act of the coordinator as two records in the hash-chained journal, BEGIN before it and FINISH after
 * it. What a crash left open is closed as `unknown` at the next start: nobody can say how it ended.
 */
import { newCommandId } from '@heliotrope/shared'
import type { Journal, Log, Ms, ReasonStep, Rng } from '@heliotrope/shared'

export interface Act {
  /** `move`, `token.create`, `host.revoke`, `pause`, … */
  what: string
  /** What it is done to: a VM, a host. */
  subject: string
  /** Who wanted it, why, since when; the first entry is the origin. */
  reason: ReasonStep[]
  details?: Record<string, unknown>
}

export type ActOutcome = 'done' | 'refused' | 'failed' | 'unknown'

export interface AuditEntry {
  id: string
  at: Ms
  act: Act
  outcome?: ActOutcome
  finishedAt?: Ms
  text?: string
}

export interface Audit {
  /** @throws journal-failed: then the act must not be done */
  begin(act: Act): string
  /** Idempotent: the first outcome stands. */
  finish(id: string, outcome: ActOutcome, text?: string): void
  /** begin, act, finish; the act's error is passed on. */
  record<T>(act: Act, run: () => T | Promise<T>): Promise<T>
  /** Closes what an earlier process left open, but for the given ids. @returns how many */
  sweep(stillOpen: ReadonlySet<string>): number
  /** Newest first. */
  entries(limit: number): AuditEntry[]
}

const PREFIX = 'audit/'

export function openAudit(journal: Journal, rng: Rng, log: Log): Audit {
  const finish = (id: string, outcome: ActOutcome, text?: string): void => {
    if (journal.read(PREFIX + id).some(record => record.kind === 'FINISH')) return
    journal.append(PREFIX + id, 'FINISH', { outcome, ...(text === undefined ? {} : { text }) })
    journal.seal(PREFIX + id)
  }
  const begin = (act: Act): string => {
    const id = newCommandId(rng)
    journal.append(PREFIX + id, 'BEGIN', act)
    return id
  }
  return {
    begin,
    finish,
    async record(act, run) {
      const id = begin(act)
      try {
        const value = await run()
        finish(id, 'done')
        return value
      } catch (error) {
        finish(id, 'failed', error instanceof Error ? error.message : String(error))
        throw error
      }
    },
    sweep(stillOpen) {
      const orphans = journal
        .streams(PREFIX, 'open')
        .filter(name => !stillOpen.has(name.slice(PREFIX.length)))
      for (const name of orphans)
        finish(name.slice(PREFIX.length), 'unknown', 'the coordinator ended before the act did')
      if (orphans.length > 0) log.warn('acts of unknown outcome', { count: orphans.length })
      return orphans.length
    },
    entries(limit) {
      const names = journal.streams(PREFIX, 'all').slice(-limit).reverse()
      return names.map(name => toEntry(name.slice(PREFIX.length), journal.read(name)))
    },
  }
}

function toEntry(id: string, records: ReturnType<Journal['read']>): AuditEntry {
  const [first, last] = [records[0], records.length > 1 ? records.at(-1) : undefined]
  const entry: AuditEntry = { id, at: first?.at ?? 0, act: first?.body as Act }
  if (!last) return entry
  const { outcome, text } = last.body as { outcome: ActOutcome; text?: string }
  return { ...entry, outcome, finishedAt: last.at, ...(text === undefined ? {} : { text }) }
}
