/** What people ask of the coordinator's own key: which it is, and to change it. */
import { z } from 'zod'
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, HostId } from '@heliotrope/shared'
import type { Audit } from '../store/audit.js'
import type { TrustAnnouncer } from '../trust/announce.js'
import type { KeyRing, KeyStanding } from '../trust/key-ring.js'
import { by, none } from './argument-schemas.js'

export interface KeyCallPorts {
  clock: Clock
  audit: Audit
  announcer: TrustAnnouncer
  /** Absent where there is no authority (the simulator). */
  keys?: KeyRing
}

export const keyCallSchemas = {
  keys: none,
  'keys.rotate': z.object({ by }),
  'keys.finish': z.object({ leaveBehind: z.boolean().default(false), by }),
} as const

type Args<C extends keyof typeof keyCallSchemas> = z.output<(typeof keyCallSchemas)[C]>

export interface KeysView extends KeyStanding {
  /** Hosts that have not noted the present keys; after `finish` they take no command until they join again. */
  waitingFor: HostId[]
}

export function keyCalls({ clock, audit, announcer, keys }: KeyCallPorts) {
  const ring = (): KeyRing => {
    if (keys) return keys
    throw new HeliotropeError('unavailable', 'this coordinator has no authority whose key could change')
  }
  const view = (): KeysView => {
    const standing = ring().standing()
    const changing = standing.next !== undefined || standing.retired.length > 0
    return { ...standing, waitingFor: changing ? announcer.waitingFor() : [] }
  }
  const reason = (who: string, why: string) => [{ by: who, why, at: Math.round(clock.wall()) }]
  return {
    keys: view,
    async 'keys.rotate'({ by: who }: Args<'keys.rotate'>): Promise<KeysView> {
      const act = {
        what: 'keys.rotate',
        subject: ring().signer.fingerprint,
        reason: reason(who, 'a next key is made and announced'),
      }
      await audit.record(act, () => ring().prepare())
      announcer.tellAll()
      return view()
    },
    async 'keys.finish'({ leaveBehind, by: who }: Args<'keys.finish'>): Promise<KeysView> {
      const waiting = ring().standing().next === undefined ? [] : announcer.waitingFor()
      if (waiting.length > 0 && !leaveBehind)
        throw new HeliotropeError('refused', `${waiting.join(', ')} have not noted the next key`, {
          remedy:
            'bring them back, revoke them, or leave them behind: they must then join again with a new token',
        })
      const act = {
        what: 'keys.finish',
        subject: ring().signer.fingerprint,
        reason: reason(who, 'the next key takes over'),
        ...(waiting.length > 0 && { details: { leftBehind: waiting } }),
      }
      await audit.record(act, () => ring().promote())
      announcer.tellAll()
      return view()
    },
  }
}
