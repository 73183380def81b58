/** Reads a journal once, then follows it: movers append to the same one from processes of their own. */
import type { Journal, JournalRecord } from '@heliotrope/shared'

/** Records that are held in memory at a time. */
const AT_ONCE = 500

export class JournalFollower {
  readonly #journal: Journal
  readonly #take: (record: JournalRecord) => void
  #next = 1

  /** @param take is given each record once, oldest first */
  constructor(journal: Journal, take: (record: JournalRecord) => void) {
    this.#journal = journal
    this.#take = take
  }

  /** Takes what came since the last time. @throws journal-failed */
  follow(): void {
    for (;;) {
      const records = this.#journal.scan(this.#next, AT_ONCE)
      records.forEach(record => this.#take(record))
      this.#next += records.length
      if (records.length < AT_ONCE) return
    }
  }
}
