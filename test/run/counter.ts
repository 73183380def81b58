import { Parser } from 'tap-parser'
import type { Result } from 'tap-parser'

/** Counts assertions of a TAP stream at its leaves, and tells of those that fail or are skipped. */
export class Counter {
  passed = 0
  failed = 0
  skipped = 0
  readonly #say: (line: string) => void
  readonly #parser: Parser

  constructor(say: (line: string) => void) {
    this.#say = say
    this.#parser = this.#follow(new Parser(), [])
  }

  write(chunk: Buffer): void {
    this.#parser.write(chunk)
  }

  end(): void {
    this.#parser.end()
  }

  #follow(parser: Parser, path: string[]): Parser {
    // The line that sums up a subtest follows it; it is no assertion of its own, unless nothing inside failed.
    let subtestFailures: number | undefined
    parser.on('child', (child: Parser) => {
      const before = this.failed
      this.#follow(child, [...path, child.name])
      child.on('complete', () => (subtestFailures = this.failed - before))
      if (path.length === 0)
        child.on('complete', () => this.#say(`${this.failed > before ? 'FAIL' : 'ok'}  ${child.name}\n`))
    })
    parser.on('assert', (result: Result) => {
      const sumsUp = subtestFailures !== undefined
      if (result.skip) {
        this.skipped++
        this.#say(`SKIP  ${[...path, result.name].join(' > ')}: ${String(result.skip)}\n`)
      } else if (result.ok) this.passed += sumsUp ? 0 : 1
      else if (!sumsUp || subtestFailures === 0) {
        this.failed++
        this.#say(
          `FAIL  ${[...path, result.name].join(' > ')}\n${JSON.stringify(result.diag ?? {}, null, 2)}\n`,
        )
      }
      subtestFailures = undefined
    })
    return parser
  }
}
