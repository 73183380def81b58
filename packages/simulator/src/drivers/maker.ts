/** The agent's Maker on a simulated host: a VM that boots from its disk, with fresh memory. */
import type { Maker } from '@heliotrope/agent'
import { HeliotropeError } from '@heliotrope/shared'
import type { SimHost } from '../world/sim-host.js'
import type { World } from '../world/world.js'

export function simMaker(world: World, host: SimHost): Maker {
  return {
    create: async config => {
      const spec = world.spec.vms.find(vm => vm.uuid === config.uuid)
      if (!spec || host.power !== 'on' || host.named(config.name))
        throw new HeliotropeError(
          'exec-failed',
          `xl create: ${config.name} cannot be made on ${host.spec.id}`,
        )
      const memory = world.disks.fresh(config.uuid)
      const domain = {
        domid: host.newDomid(),
        name: config.name,
        state: 'paused' as const,
        config: structuredClone(config),
        spec,
        cpuS: 0,
        building: false,
        // It has booted anew: whatever older memory is left somewhere must show if it ever writes.
        memory: { ...memory, generation: memory.generation + 1 },
      }
      world.add(host, domain, 'xl create')
      world.setState(host, domain, 'running', 'xl create')
    },
    read: async () => undefined,
    atWork: async () => false,
  }
}
