/**
 * One connection to the coordinator, as far as commands go: each must name this connection and carry a number that was
 * not seen on it before. So a frame that was recorded on another connection, or comes twice on this one, runs nothing,
 * even where its kind leaves no trace in the journal.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { CommandBody, Rng } from '@heliotrope/shared'

/** Numbers kept: a link may deliver out of order by less than this. Anything older counts as seen. */
const WINDOW = 1024

export class CommandSession {
  /** Said in the hello; 32 hex digits. */
  readonly id: string
  readonly #seen = new Set<number>()
  #highest = 0

  /** @param id random, never used before: `newSessionId` */
  constructor(id: string) {
    this.id = id
  }

  /**
   * Takes the number of a command whose signature was checked already.
   * @returns false if it was taken before
   * @throws unauthorised for a command of another connection, or without a number
   */
  take({ id, session, seq }: CommandBody): boolean {
    if (session === undefined || seq === undefined)
      throw new HeliotropeError('unauthorised', `command ${id} carries no session and number`)
    if (session !== this.id)
      throw new HeliotropeError('unauthorised', `command ${id} was made for another connection: a replay`)
    if (this.#seen.has(seq) || seq <= this.#highest - WINDOW) return false
    this.#seen.add(seq)
    this.#highest = Math.max(this.#highest, seq)
    if (this.#seen.size > 2 * WINDOW)
      for (const old of this.#seen) if (old <= this.#highest - WINDOW) this.#seen.delete(old)
    return true
  }
}

export const newSessionId = (rng: Rng): string => Buffer.from(rng.bytes(16)).toString('hex')
