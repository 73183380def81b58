/** What may happen in an explored world, and which bug is planted in it. */
export interface WorldOptions {
  /** The source's xl is `xl save -p`. */
  regular?: boolean
  /** At most so many faults in one run. */
  faults: number
  /** What went down may stay down. */
  perm?: boolean
  /** Decisions are taken on looks at the hypervisor that may be old. */
  staleLooks?: boolean
  /** The coordinator passes on that the other side has closed its stream. */
  coordinator?: boolean
  /** Both sides have registered a key at a disk that arbitrates. */
  arbiter?: boolean
  /** Look at safety alone: any end is good. */
  anyEnd?: boolean
  /** Planted bug: xl's stdout is not closed at READY. */
  stdoutStaysOpen?: boolean
  /** Look past a CLEAN beside a living xl, to see what that xl then does. */
  looseClean?: boolean
  /** No sweeper resumes what a guest that suspends late leaves after CLEAN (DESIGN 5). */
  noSweeper?: boolean
}
