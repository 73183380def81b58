/** One fence of the two there are: reservations where a disk has them, else the operator's list of initiators. */
import type { Disk } from '@heliotrope/shared'
import type { Fence } from '../../ports.js'
import type { Reservations } from './reservations/driver.js'

export function eitherFence(reservations: Reservations, acl: Fence): Fence {
  /** Never a guess: a disk that was fenced by one is not taken over by the other. */
  const of = async (disk: Disk): Promise<Fence> => ((await reservations.usable(disk)) ? reservations : acl)
  return {
    kind: async disk => ((await reservations.kind(disk)) === 'pr' ? 'pr' : acl.kind(disk)),
    register: async (disk, key) => (await of(disk)).register(disk, key),
    holds: async (disk, key) => (await of(disk)).holds(disk, key),
    reserve: async (disk, key) => (await of(disk)).reserve(disk, key),
    takeOver: async (disk, own, other) => (await of(disk)).takeOver(disk, own, other),
    takeBack: async (disk, key) => (await of(disk)).takeBack(disk, key),
    release: async disk => (await of(disk)).release(disk),
  }
}
