/**
 * The loop of one side: look, ask the rules, act, until the stream is closed. It is woken by messages and by a timer,
 * and never decides anything itself. An act that fails is tried again with a growing pause; what stays undone raises an
 * alarm with its remedy.
 */
import { errorChain, HeliotropeError } from '@heliotrope/shared'
import type { Clock, Log, Ms } from '@heliotrope/shared'
import { OBSERVE_MS } from './ports.js'

export interface Side<View, Act extends { do: string }> {
  observe(): Promise<View>
  step(view: View): Act
  /** Says what is to be said now; called after each look, and by itself no more often than it must. */
  speak(view: View): void
  perform(act: Act, view: View): Promise<void>
  /** Called with what the side waits for and since when, or with undefined when it goes on. */
  waiting(what: string | undefined, sinceMs: Ms): void
  /** An act or a look failed; it will be tried again. Must not throw. */
  failed?(error: unknown): void | Promise<void>
}

export interface SideLoopOptions {
  clock: Clock
  log: Log
  /** Pause after a failed act, doubling up to 16 times this. Default 500 ms. */
  retryMs?: Ms
  signal: AbortSignal
}

export class SideLoop {
  #wake: () => void = () => {}
  #woken = false

  /** Something happened: look again now. */
  wake(): void {
    this.#woken = true
    this.#wake()
  }

  /** Resolves when the side has closed its stream, or the signal aborts. */
  async run<View, Act extends { do: string }>(
    side: Side<View, Act>,
    options: SideLoopOptions,
  ): Promise<void> {
    const { clock, log, signal, retryMs = 500 } = options
    let failures = 0
    let since = clock.mono()
    let waitsFor: string | undefined
    let before = ''
    signal.addEventListener('abort', () => this.wake(), { once: true })
    while (!signal.aborted) {
      let pause = OBSERVE_MS
      try {
        const view = await side.observe()
        side.speak(view)
        const act = side.step(view)
        const what = act.do === 'wait' ? (act as { for?: string }).for : undefined
        if (what !== waitsFor) since = clock.mono()
        waitsFor = what
        side.waiting(what, clock.mono() - since)
        if (act.do !== 'wait') {
          log.debug('act', { act: act.do })
          await side.perform(act, view)
          if (act.do === 'close') return
          failures = 0
          // The same again means that it had no effect yet: look once more, but not at once.
          if (act.do !== before) {
            before = act.do
            continue
          }
        }
        before = act.do
        failures = 0
      } catch (error) {
        await side.failed?.(error)
        pause = retryMs * 2 ** Math.min(failures++, 4)
        const text = errorChain(error)
        log.warn('step failed, will try again', { error: text, pauseMs: pause })
        side.waiting(`failed: ${text}`, clock.mono() - since)
        if (error instanceof HeliotropeError && error.code === 'journal-failed' && failures === 1)
          log.error('the journal cannot be written: no new step is taken', { error: text })
      }
      await this.#sleep(clock, pause)
    }
  }

  #sleep(clock: Clock, delay: Ms): Promise<void> {
    if (this.#woken) {
      this.#woken = false
      return Promise.resolve()
    }
    return new Promise(resolve => {
      const done = (): void => {
        cancel()
        this.#wake = () => {}
        this.#woken = false
        resolve()
      }
      const cancel = clock.after(delay, done)
      this.#wake = done
    })
  }
}
