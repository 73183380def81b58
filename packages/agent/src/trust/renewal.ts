/** Renews the host's certificate at half of its life, and tries again each hour until it succeeds. */
import { errorChain, HOUR, MINUTE } from '@heliotrope/shared'
import type { Cancel, Clock, Log, Ms } from '@heliotrope/shared'
import type { Identity } from './identity.js'

export interface RenewalPorts {
  clock: Clock
  log: Log
  current: () => Identity
  /** Fetches and keeps the new one. */
  renew: () => Promise<Identity>
}

/** When to renew: half-way between the two dates; at once if that is past. */
export const renewAt = ({ notBefore, notAfter }: Pick<Identity, 'notBefore' | 'notAfter'>): Ms =>
  notBefore + (notAfter - notBefore) / 2

export function keepRenewed(ports: RenewalPorts): { stop(): void } {
  const { clock, log } = ports
  let stopped = false
  let cancel: Cancel = () => {}
  const arm = (delay: Ms): void => {
    // Looked at each hour by the wall clock: the host may have slept.
    if (!stopped) cancel = clock.after(Math.min(delay, HOUR), () => void tick())
  }
  const tick = async (): Promise<void> => {
    if (clock.wall() < renewAt(ports.current())) return arm(HOUR)
    try {
      const { notAfter } = await ports.renew()
      log.info('certificate renewed', { notAfter: new Date(notAfter).toISOString() })
      arm(HOUR)
    } catch (error) {
      log.warn('certificate could not be renewed', { error: errorChain(error) })
      arm(10 * MINUTE)
    }
  }
  arm(5_000)
  return {
    stop() {
      stopped = true
      cancel()
    },
  }
}
