import type { Outcome } from './cases.js'
import { describe, LabError } from './errors.js'
import type { CaseRecord } from './record.js'
import { say } from './say.js'

/** One run of a suite: plays the cases that were chosen and are not in the record yet, and records each as it ends. */
export class Sitting {
  readonly #outcomes: Map<string, Outcome>
  /** The cases that ended in earlier runs. */
  readonly recordedBefore: ReadonlySet<string>

  constructor(
    readonly chosen: readonly string[],
    private readonly record: CaseRecord,
  ) {
    this.#outcomes = record.read()
    this.recordedBefore = new Set(this.#outcomes.keys())
  }

  /** What is to be played, in the suite's order. */
  get left(): string[] {
    return this.chosen.filter(name => !this.#outcomes.has(name))
  }

  /** Of all that was chosen and has ended, in this run or before. */
  get outcomes(): Map<string, Outcome> {
    return new Map([...this.#outcomes].filter(([name]) => this.chosen.includes(name)))
  }

  /**
   * Plays one case and records what it came to; nothing if it was not chosen or has ended before.
   *
   * @param act returns its figures, with `failed` if it failed; what it throws is why it failed
   * @returns false if it failed now: whoever shares something between cases ends here
   */
  async play(name: string, act: () => Promise<Outcome>): Promise<boolean> {
    if (!this.left.includes(name)) return true
    const begun = Date.now()
    say(`case ${this.chosen.indexOf(name) + 1} of ${this.chosen.length}: ${name}`)
    const outcome = await act().catch((error: unknown): Outcome => {
      // A mistake of the suite itself: where it was made is needed, too.
      if (!(error instanceof LabError)) say(error instanceof Error ? error.stack! : String(error))
      return { failed: describe(error) }
    })
    this.record.add({ case: name, outcome })
    this.#outcomes.set(name, outcome)
    const seconds = Math.round((Date.now() - begun) / 1000)
    say(`${name}: ${outcome.failed === undefined ? 'passed' : `FAILED: ${outcome.failed}`} (${seconds} s)`)
    return outcome.failed === undefined
  }
}
