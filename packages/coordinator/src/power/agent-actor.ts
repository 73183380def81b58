/** Power orders by way of agents: a host stands by itself, and is woken by one that has the means and is connected. */
import { HeliotropeError } from '@heliotrope/shared'
import type { HostId, ReasonStep } from '@heliotrope/shared'
import type { Agents } from '../ingest/sessions.js'
import type { PowerActor } from './host-power.js'

export interface AgentActorPorts {
  agents: Pick<Agents, 'call' | 'connected'>
  bootIdOf: (host: HostId) => string | undefined
  /** Hosts that can wake it, in the order in which to ask. */
  wakersOf: (host: HostId) => readonly HostId[]
  now: () => number
}

export function agentActor({ agents, bootIdOf, wakersOf, now }: AgentActorPorts): PowerActor {
  const reason = (by: string, why: string): ReasonStep[] => [{ by, why: why.slice(0, 500), at: now() }]
  return {
    async standBy(host, by, why) {
      const bootId = bootIdOf(host)
      if (bootId === undefined) throw new HeliotropeError('unknown', `${host} has never reported`)
      await agents.call(host, 'host.standby', { bootId }, { reason: reason(by, why) })
    },
    async wake(host, by, why) {
      const wakers = wakersOf(host).filter(waker => agents.connected(waker))
      if (wakers.length === 0)
        throw new HeliotropeError('unavailable', `no host that is connected can wake ${host}`, {
          remedy: 'name it under power.wakes in the agent config of a neighbour, or wake it by hand',
        })
      // All of them: calls are harmless, and one of the ways may be broken without saying so (wake-on-LAN).
      const calls = await Promise.allSettled(
        wakers.map(waker => agents.call(waker, 'host.wake', { host }, { reason: reason(by, why) })),
      )
      const failed = calls.flatMap(call => (call.status === 'rejected' ? [call.reason as unknown] : []))
      if (failed.length === calls.length) throw failed[0]
    },
  }
}
