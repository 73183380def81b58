/** A terminal drawn over in place: no flicker, and as it was when we leave. */
export interface Screen {
  open(): void
  show(lines: readonly string[]): void
  /** Restores cursor and text. Idempotent. */
  close(): void
}

export function ansiScreen(write: (text: string) => void): Screen {
  let open = false
  return {
    open() {
      open = true
      write('\x1b[?1049h\x1b[?25l\x1b[2J')
    },
    show(lines) {
      // One write a frame; each line clears only its own rest.
      if (open) write(`\x1b[H${lines.map(line => `${line}\x1b[K`).join('\r\n')}\x1b[J`)
    },
    close() {
      if (!open) return
      open = false
      write('\x1b[?25h\x1b[?1049l')
    },
  }
}
