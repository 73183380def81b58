/** One long-lived `xenstore-watch`; started again, after a while, whenever it ends. */
import type { Cancel, Clock, Log, Ms } from '@heliotrope/shared'
import type { Follow } from '../../exec.js'
import { watchDomains } from './commands.js'

const RESTART_MS: Ms = 5_000

export function followDomains(
  ports: { follow: Follow; clock: Clock; log: Log },
  changed: () => void,
): { stop(): void } {
  const { follow, clock, log } = ports
  let child: { stop(): void } | undefined
  let cancel: Cancel = () => {}
  let stopped = false
  const start = (): void => {
    child = follow(watchDomains(), {
      // Which domain it was is not said; the list is read anew anyway.
      line: () => changed(),
      end: why => {
        if (stopped) return
        log.warn('domain events stopped, starting again', { why, afterMs: RESTART_MS })
        cancel = clock.after(RESTART_MS, start)
        // Events may have been missed.
        changed()
      },
    })
  }
  start()
  return {
    stop() {
      stopped = true
      cancel()
      child?.stop()
    },
  }
}
