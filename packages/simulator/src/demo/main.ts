/** `scripts/demo` */
import { CommanderError } from 'commander'
import { errorChain, systemClock } from '@heliotrope/shared'
import { parseOptions } from './options.js'
import type { DemoOptions } from './options.js'
import type { DayResult } from './day-result.js'
import { runDemo } from './run-demo.js'
import { ansiScreen } from './screen.js'

const FALLBACK_COLUMNS = 100

function summary(result: DayResult): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  return (
    `${result.days} day(s): ${result.moves} moves, green share ${percent(result.greenShare)} ` +
    `(${percent(result.greenShareStay)} without moving), doubled ${result.doubled}, lost ${result.lost}, ` +
    `disk faults ${result.diskFaults}`
  )
}

async function main(): Promise<number> {
  let options: DemoOptions
  try {
    options = parseOptions(process.argv.slice(2))
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort(new Error(signal)))
  // A reader that has gone (`demo | head`) is no reason for a stack trace.
  process.stdout.on('error', () => stop.abort(new Error('output closed')))
  const view = !options.json && process.stdout.isTTY
  const say = (result: DayResult): void =>
    console.log(options.json ? JSON.stringify(result) : summary(result))
  const result = await runDemo(options, {
    clock: systemClock(),
    ...(view && { screen: ansiScreen(text => void process.stdout.write(text)) }),
    columns: () => process.stdout.columns || FALLBACK_COLUMNS,
    // In the view the numbers are on the screen; the last ones are said when it is gone.
    day: day => (view && !options.once ? undefined : say(day)),
    signal: stop.signal,
  })
  if (view && stop.signal.aborted) say(result)
  return result.doubled + result.lost + result.diskFaults === 0 ? 0 : 1
}

main().then(
  code => {
    process.exitCode = code
  },
  (error: unknown) => {
    console.error(`heliotrope demo: ${errorChain(error)}`)
    process.exitCode = 1
  },
)
