/**
 * A process that plays cases. Told over IPC: `{ cases: text[] }`; answers each with `{ text, result }` without its story,
 * then `{ idle: true }`. A process of its own, so that a bench can use several cores, and play patched copies of the code.
 */
import { parseCase } from './case.js'
import { runCase } from './run-case.js'

/** What is told of a case. */
export interface CaseAnswer {
  text: string
  result?: Omit<Awaited<ReturnType<typeof runCase>>, 'story' | 'points'>
  /** The run itself broke: as bad as a violation. */
  error?: string
}

async function answer(text: string): Promise<CaseAnswer> {
  try {
    const { story: _story, points: _points, ...result } = await runCase(parseCase(text))
    return { text, result }
  } catch (error) {
    return { text, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

let current = ''
process.on('unhandledRejection', error => {
  process.send?.({ text: current, error: `unhandled: ${String(error)}` } satisfies CaseAnswer)
})
process.on('disconnect', () => process.exit(0))
process.on('message', (message: { cases: string[] }) => {
  void (async () => {
    for (const text of message.cases) {
      current = text
      process.send?.(await answer(text))
    }
    process.send?.({ idle: true })
  })()
})
