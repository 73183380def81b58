/** Notices a link that is open but silent. Knows only how to send a beat and how to give up. */
import type { Cancel, Clock } from '../clock.js'
import type { Ms } from '../units.js'

export interface HeartbeatOptions {
  clock: Clock
  /** Default 10 s. */
  everyMs?: Ms
  /** Silence after which the link counts as dead. Default 3 beats and a half. */
  deadMs?: Ms
  beat: () => void
  dead: () => void
}

export interface Heartbeat {
  /** Something arrived. */
  heard(): void
  stop(): void
}

export function heartbeat(options: HeartbeatOptions): Heartbeat {
  const { clock, everyMs = 10_000, beat, dead } = options
  const deadMs = options.deadMs ?? everyMs * 3.5
  let last = clock.mono()
  let stopped = false
  let cancel: Cancel = () => {}
  const tick = (): void => {
    if (clock.mono() - last >= deadMs) return dead()
    beat()
    // A beat that finds the link gone may have stopped us.
    if (stopped) return
    cancel = clock.after(everyMs, tick)
  }
  cancel = clock.after(everyMs, tick)
  return {
    heard: () => {
      last = clock.mono()
    },
    stop: () => {
      stopped = true
      cancel()
    },
  }
}
