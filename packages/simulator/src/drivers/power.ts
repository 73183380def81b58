/** Standby and wake on a simulated host: what a real agent promises and refuses, and a world that goes dark and boots again. */
import type { MoveService, PowerService } from '@heliotrope/agent'
import { HeliotropeError, SECOND } from '@heliotrope/shared'
import type { HostId, Ms } from '@heliotrope/shared'
import type { SimHost } from '../world/sim-host.js'

export interface SimPowerPorts {
  host: SimHost
  moves: Pick<MoveService, 'progress'>
  after: (delay: Ms, fn: () => void) => void
  /** Stops the agent and darkens the host. */
  goDown: () => void
  /** Hosts that this one has the means to wake. */
  neighbours: () => readonly HostId[]
  wake: (host: HostId) => void
}

/** From the promise to stand by until the host is down: time for the answer to leave. */
const GOING_MS: Ms = 2 * SECOND

/** For a host whose spec says what it draws on standby. */
export function simPower(ports: SimPowerPorts): PowerService {
  const { host, moves } = ports
  const { id, standbyW } = host.spec
  let going = false
  const against = (): string | undefined => {
    if (host.domains.size > 0) return `${host.domains.size} domain(s) are here`
    const open = moves.progress().filter(({ phase }) => phase !== 'closed').length
    return open > 0 ? `${open} move(s) are open here` : undefined
  }
  const refuse = (why: string): never => {
    throw new HeliotropeError('refused', `${id} does not stand by: ${why}`)
  }
  return {
    handlers: {
      'host.standby': async ({ bootId }) => {
        if (standbyW === undefined) refuse('it cannot')
        if (bootId !== host.bootId) refuse(`it is in another boot than ${bootId}`)
        const why = against()
        if (why !== undefined) refuse(why)
        going = true
        ports.after(GOING_MS, () => {
          going = false
          if (against() === undefined) ports.goDown()
        })
        return { standby: 'poweroff' }
      },
      'host.wake': async ({ host: other }) => {
        if (!ports.neighbours().includes(other))
          throw new HeliotropeError('refused', `${id} has no means to wake ${other}`)
        ports.wake(other)
        return { power: 'unknown' }
      },
    },
    facts: () => ({
      ...(standbyW !== undefined && { standby: 'poweroff' as const }),
      wakes: [...ports.neighbours()],
    }),
    alarms: () => [],
    goingDown: () => going,
    stop: () => {},
  }
}
