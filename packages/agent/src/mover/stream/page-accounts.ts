/**
 * Counts guest pages as they go by: how many, how many again, in which round.
 *
 * libxc sends each round in rising order of page frame numbers (PFNs) and names no rounds. So: the order falls, and a
 * page comes that has been sent before = a new round. The first pass alone never looks like that.
 */

/** PFNs per block of the bitmap: 4 KiB of bits, 128 MiB of guest. */
const BLOCK_PFNS = 32768

export interface PageCounts {
  /** Pages sent, repeats included. */
  pages: number
  /** Pages sent again after they were sent once. */
  dirtied: number
  /** 1 during the first pass. */
  round: number
}

export class PageAccounts {
  readonly #blocks = new Map<number, Uint8Array>()
  readonly #maxBlocks: number
  #block: Uint8Array | undefined
  #blockNumber = -1
  #last = -1
  #fell = false
  pages = 0
  dirtied = 0
  round = 0

  /**
   * @param maxPfns how many different PFNs are remembered at most (an eighth of a byte each, in blocks of 4 KiB); pages
   * in blocks beyond that are counted as sent, never as sent again
   */
  constructor(maxPfns = 2 ** 28) {
    this.#maxBlocks = Math.ceil(maxPfns / BLOCK_PFNS)
  }

  /** A page passed. */
  saw(pfn: number): void {
    this.pages++
    if (this.round === 0) this.round = 1
    if (pfn < this.#last) this.#fell = true
    this.#last = pfn
    const number = Math.floor(pfn / BLOCK_PFNS)
    if (number !== this.#blockNumber) this.#open(number)
    const block = this.#block
    if (block === undefined) return
    const at = pfn % BLOCK_PFNS
    const bit = 1 << (at & 7)
    const bits = block[at >> 3] as number
    if ((bits & bit) === 0) {
      block[at >> 3] = bits | bit
      return
    }
    this.dirtied++
    if (!this.#fell) return
    this.#fell = false
    this.round++
  }

  counts(): PageCounts {
    return { pages: this.pages, dirtied: this.dirtied, round: this.round }
  }

  #open(number: number): void {
    this.#blockNumber = number
    this.#block = this.#blocks.get(number)
    if (this.#block !== undefined || this.#blocks.size >= this.#maxBlocks) return
    this.#block = new Uint8Array(BLOCK_PFNS / 8)
    this.#blocks.set(number, this.#block)
  }
}
