import { Parser } from 'tap-parser'
import type { Result } from 'tap-parser'

/** Counts assertions of the TAP of one file at its leaves, and tells of those that fail or are skipped. */
export class Counter {
  passed = 0
  failed = 0
  skipped = 0
  readonly #say: (line: string) => void
  readonly #parser: Parser

  /**
   * @param name of the file: the head of each line that is told
   * @param objection says why a check may not be skipped: then it has failed
   */
  constructor(
    name: string,
    say: (line: string) => void,
    private readonly objection: (check: string) => string | undefined = () => undefined,
  ) {
    this.#say = say
    this.#parser = this.#follow(new Parser(), [name])
    this.#parser.on('complete', ({ plan }) => {
      if (plan.skipAll) this.skip(name, plan.skipReason)
    })
  }

  write(chunk: Buffer): void {
    this.#parser.write(chunk)
  }

  end(): void {
    this.#parser.end()
  }

  /** Something about the file that TAP does not tell of. */
  fail(line: string): void {
    this.failed++
    this.#say(`FAIL  ${line}\n`)
  }

  /** @param why the check itself says that it cannot be made */
  skip(name: string, why: string): void {
    const wrong = this.objection(name)
    if (wrong !== undefined) return this.fail(`${name}: skipped (${why}), and ${wrong}`)
    this.skipped++
    this.#say(`SKIP  ${name}: ${why}\n`)
  }

  #follow(parser: Parser, path: string[]): Parser {
    // The line that sums up a subtest follows it; it is no assertion of its own, unless nothing inside failed.
    let subtestFailures: number | undefined
    parser.on('child', (child: Parser) => {
      const before = this.failed
      this.#follow(child, [...path, child.name])
      child.on('complete', () => (subtestFailures = this.failed - before))
    })
    parser.on('assert', (result: Result) => {
      const sumsUp = subtestFailures !== undefined
      const name = [...path, result.name].join(' > ')
      if (result.skip) this.skip(name, String(result.skip))
      else if (result.ok) this.passed += sumsUp ? 0 : 1
      else if (!sumsUp || subtestFailures === 0)
        this.fail(`${name}\n${JSON.stringify(result.diag ?? {}, null, 2)}`)
      subtestFailures = undefined
    })
    return parser
  }
}
