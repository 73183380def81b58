/** What people ask of alarms: which there are, and whether anybody would hear of one. */
import { z } from 'zod'
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock } from '@heliotrope/shared'
import { testNotice } from '../alarm/notice.js'
import type { AlarmNotice, Deliver } from '../alarm/notice.js'
import type { AlarmEntry, Alarms } from '../store/alarms.js'
import { by } from './argument-schemas.js'

export interface AlarmCallPorts {
  clock: Clock
  alarms: Alarms
  /** Which coordinator this is. */
  name: string
  /** Absent where nobody is to be told. */
  tellAlarm?: Deliver
}

export const alarmCallSchemas = {
  alarms: z.object({ limit: z.number().int().min(1).max(10_000).default(50) }),
  'alarms.test': z.object({ by }),
} as const

type Args<C extends keyof typeof alarmCallSchemas> = z.output<(typeof alarmCallSchemas)[C]>

export function alarmCalls({ clock, alarms, name, tellAlarm }: AlarmCallPorts) {
  return {
    /** Newest first, cleared ones as well. */
    alarms: ({ limit }: Args<'alarms'>): AlarmEntry[] => alarms.entries(limit),
    /** @throws refused if nobody is configured, or why it was not taken */
    async 'alarms.test'({ by: who }: Args<'alarms.test'>): Promise<{ told: AlarmNotice }> {
      if (!tellAlarm)
        throw new HeliotropeError('refused', 'nobody is told of alarms', {
          remedy: 'set alarms.webhook or alarms.command in the config of the coordinator',
        })
      const notice = testNotice(name, who, clock.wall())
      await tellAlarm(notice)
      return { told: notice }
    },
  }
}
