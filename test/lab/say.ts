const started = Date.now()

/** One line of progress on stderr, with the seconds since this process began. */
export function say(line: string): void {
  const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(6)
  process.stderr.write(`[lab ${seconds} s] ${line}\n`)
}
