/** The story of a run, and its hash: two runs with the same seed must tell the same. */
import { createHash } from 'node:crypto'
import { canonical } from '@heliotrope/shared'
import type { Journal, Ms } from '@heliotrope/shared'

export interface WorldEvent {
  at: Ms
  host: string
  what: string
  vm?: string
  why?: string
}

/** Kept for the story of a failure; the hash covers all. */
const KEPT = 2_000

export class Trace {
  readonly #hash = createHash('sha256')
  readonly events: WorldEvent[] = []
  count = 0

  add(event: WorldEvent): void {
    this.count++
    this.#hash.update(canonical(event))
    this.events.push(event)
    if (this.events.length > KEPT * 2) this.events.splice(0, KEPT)
  }

  /**
   * Hash over all events so far and all records of the journals. ECDSA signatures are random by nature and chain hashes
   * cover them, so both are left out; what is signed is not.
   */
  digest(journals: Iterable<readonly [string, Journal]>): string {
    const whole = this.#hash.copy()
    for (const [name, journal] of journals) {
      whole.update(`\n${name}\n`)
      for (let from = 1; ; from += 1000) {
        const records = journal.scan(from, 1000)
        for (const { seq, at, stream, kind, body } of records)
          whole.update(canonical(unsigned({ seq, at, stream, kind, body })))
        if (records.length < 1000) break
      }
    }
    return whole.digest('hex')
  }
}

function unsigned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unsigned)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'signature')
      .map(([key, member]) => [key, unsigned(member)]),
  )
}
