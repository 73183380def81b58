/** Which pages are still to be sent, round by round: libxl's precopy policy, and a guest that goes on writing. */
import type { TransferProgress } from '@heliotrope/agent'
import type { BytesPerSecond, MiB, Ms } from '@heliotrope/shared'

export const PAGE = 4096
/** xl's policy is fixed: at most five rounds, or fewer than 50 dirty pages (xg_sr_save.c). */
const ROUNDS = 5
const FEW_PAGES = 50
/** A guest writes to a part of its memory only. */
const WORKING_SET = 0.15

export class Precopy {
  readonly progress: TransferProgress
  readonly #pages: number
  readonly #dirtyPagesPerMs: number
  #dirty = 0

  constructor(memoryMiB: MiB, dirtyMiBps: number) {
    this.#pages = (memoryMiB * 1024 * 1024) / PAGE
    this.#dirtyPagesPerMs = (dirtyMiBps * 1024 * 1024) / PAGE / 1000
    this.progress = { bytes: 0, pages: 0, dirtiedPages: 0, round: 0, remainingPages: this.#pages, rateBps: 0 }
  }

  /** How many pages go in the next step. */
  next(rate: BytesPerSecond, stepMs: Ms): number {
    return Math.min(this.progress.remainingPages, Math.max(1, Math.floor((rate * stepMs) / 1000 / PAGE)))
  }

  sent(pages: number, rate: BytesPerSecond): void {
    this.progress.remainingPages -= pages
    this.progress.pages += pages
    this.progress.bytes += pages * PAGE
    this.progress.rateBps = rate
    if (this.progress.round > 0) this.progress.dirtiedPages += pages
  }

  /** The guest ran for so long meanwhile. */
  guestRan(forMs: Ms): void {
    this.#dirty = Math.floor(Math.min(this.#dirty + this.#dirtyPagesPerMs * forMs, this.#pages * WORKING_SET))
  }

  /** All pages of the round are out. @returns true if the guest is to be suspended for the rest */
  endRound(): boolean {
    this.progress.round++
    const last = this.progress.round >= ROUNDS || this.#dirty < FEW_PAGES
    this.progress.remainingPages = this.#dirty
    this.#dirty = 0
    return last
  }
}
