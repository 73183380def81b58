/** Progress for people: one line that changes on a terminal, a line each quarter elsewhere. */
import type { Fraction } from '@heliotrope/shared'

export interface ProgressLine {
  show(what: string, share: Fraction): void
  end(): void
}

export function progressLine(stream: NodeJS.WriteStream): ProgressLine {
  let said = ''
  return {
    show(what, share) {
      const step = stream.isTTY ? 100 : 4
      const text = `${what} ${Math.round((Math.floor(share * step) * 100) / step)} %`
      if (text === said || (!stream.isTTY && share < 1 / step)) return
      said = text
      stream.write(stream.isTTY ? `\r\u001b[K${text}` : `${text}\n`)
    },
    end() {
      if (stream.isTTY) stream.write('\r\u001b[K')
    },
  }
}
