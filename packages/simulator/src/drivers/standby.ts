/** What the agent's standby needs on a simulated host: systemctl takes its power away, and a call wakes a neighbour. */
import type { AssemblyPorts } from '@heliotrope/agent'
import { HeliotropeError } from '@heliotrope/shared'
import type { HostId } from '@heliotrope/shared'
import type { SimHost } from '../world/sim-host.js'

export interface SimStandbyPorts {
  /** Shuts the host down in good order. */
  goDown: () => void
  wake: (host: HostId) => void
}

/** For a host that stands by if its spec says what it draws then. It can wake each other host of its site. */
export function simStandby(
  { spec, site }: SimHost,
  { goDown, wake }: SimStandbyPorts,
): NonNullable<AssemblyPorts['standby']> {
  const neighbours = site.hosts.map(({ id }) => id).filter(id => id !== spec.id)
  return {
    exec: async ([program, ...args]) => {
      if (program !== 'systemctl' || args.length !== 1)
        throw new HeliotropeError('internal', `a simulated host does not run ${program} ${args.join(' ')}`)
      goDown()
      return { code: 0, stdout: '', stderr: '' }
    },
    mode: spec.standbyW === undefined ? 'off' : 'poweroff',
    wakes: new Map(
      neighbours.map(id => [id, { status: async () => 'unknown', on: async () => wake(id) }] as const),
    ),
  }
}
