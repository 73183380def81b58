/** The agent's Fence on the simulated disks. */
import type { Fence } from '@heliotrope/agent'
import { HeliotropeError } from '@heliotrope/shared'
import type { Disk, HostId } from '@heliotrope/shared'
import type { World } from '../world/world.js'

/** @param reached called before each use; throws where the host cannot reach the storage */
export function simFence({ disks }: World, id: HostId, reached: (disk: Disk) => void): Fence {
  const { reservations } = disks
  return {
    kind: async () => 'pr',
    register: async (disk, key) => {
      reached(disk)
      reservations.register(disk, id, key)
    },
    holds: async (disk, key) => {
      reached(disk)
      return reservations.has(disk, key)
    },
    reserve: async (disk, key) => {
      reached(disk)
      const holder = reservations.holder(disk)
      if (holder !== undefined && holder !== id)
        throw new HeliotropeError('refused', `disk ${disk.vdev} is kept by another host`)
      reservations.register(disk, id, key)
      reservations.reserve(disk, id)
    },
    takeOver: async (disk, own, other) => {
      reached(disk)
      return reservations.keyOf(disk, id) === own && reservations.preempt(disk, id, other)
    },
    takeBack: async (disk, key) => {
      reached(disk)
      reservations.register(disk, id, key)
      for (const host of reservations.hosts(disk))
        if (host !== id) reservations.preempt(disk, id, reservations.keyOf(disk, host) as string)
      reservations.reserve(disk, id)
    },
    release: async disk => {
      reached(disk)
      reservations.unregister(disk, id)
    },
  }
}
