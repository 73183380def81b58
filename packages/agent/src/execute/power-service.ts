/** What the rest of the agent knows of standing by and waking: the commands, and what the host's facts say of them. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Alarm, CommandHandlers, HostFacts } from '@heliotrope/shared'

export interface PowerService {
  handlers: Pick<CommandHandlers, 'host.standby' | 'host.wake'>
  facts(): Pick<HostFacts, 'standby' | 'wakes'>
  alarms(): Alarm[]
  /** True from the promise to stand by on: no move may begin here. */
  goingDown(): boolean
  stop(): void
}

/** A host that neither stands by nor wakes others. */
export function noPower(): PowerService {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new HeliotropeError('refused', 'this host neither stands by nor wakes others', {
        remedy: 'set `power` in the agent config',
      }),
    )
  return {
    handlers: { 'host.standby': refuse, 'host.wake': refuse },
    facts: () => ({}),
    alarms: () => [],
    goingDown: () => false,
    stop: () => {},
  }
}
