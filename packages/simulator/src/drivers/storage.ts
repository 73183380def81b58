/** The agent's Storage on the simulated disks. */
import type { Storage } from '@heliotrope/agent'
import { HeliotropeError } from '@heliotrope/shared'
import type { Disk } from '@heliotrope/shared'
import type { SimHost } from '../world/sim-host.js'
import { PORTAL } from '../world/spec.js'
import type { World } from '../world/world.js'
import { simFence } from './fence.js'

export function simStorage(world: World, host: SimHost): Storage {
  const id = host.spec.id
  const { reservations } = world.disks
  const reached = (disk: Disk): void => {
    if (world.disks.cutOff.has(id))
      throw new HeliotropeError('exec-failed', `the storage of disk ${disk.vdev} does not answer ${id}`)
  }
  const used = (disk: Disk): boolean =>
    [...host.domains.values()].some(domain => domain.config.disks.some(own => own.path === disk.path))
  return {
    attach: async disk => {
      if (world.disks.attached(id, disk)) return
      if (disk.source.kind !== 'iscsi' || disk.source.portal !== PORTAL)
        throw new HeliotropeError('refused', `disk ${disk.vdev} cannot be reached from ${id}`)
      reached(disk)
      world.disks.attach(id, disk)
    },
    detach: async disk => {
      // A key outlives a power cut: it is given up although the disk is not attached any more.
      const left = reservations.keyOf(disk, id) !== undefined
      if (!world.disks.attached(id, disk) && !left) return
      if (used(disk))
        throw new HeliotropeError('conflict', `disk ${disk.vdev} is in use by a domain on ${id}`)
      if (left) {
        reached(disk)
        reservations.unregister(disk, id)
      }
      world.disks.detach(id, disk)
    },
    attached: async disk => world.disks.attached(id, disk),
    ...(world.spec.fenced && {
      fence: simFence(world, id, disk => {
        reached(disk)
        if (!world.disks.attached(id, disk))
          throw new HeliotropeError('exec-failed', `disk ${disk.vdev} is not attached to ${id}`)
      }),
    }),
  }
}
