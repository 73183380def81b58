/**
 * Disks behind iSCSI that more than one VM is said to have: a config that a host made up may name another VM's, and whoever
 * starts it writes there. Pure.
 */
import type { Disk, HostId, VmConfig, VmId } from '@heliotrope/shared'
import type { Judge } from './claims.js'
import type { HostRecord } from './host-record.js'

interface Use {
  vm: VmId
  name: string
  host: HostId
  readonly: boolean
}

/** Every use of every LUN that a report names. */
export type DiskUses = ReadonlyMap<string, readonly Use[]>

const lunOf = ({ source }: Disk): string | undefined =>
  source.kind === 'iscsi' ? `${source.portal} ${source.iqn} ${source.lun}` : undefined

/** Of hosts whose word about the VM counts. */
export function diskUses(hosts: readonly HostRecord[], { dropped }: Pick<Judge, 'dropped'>): DiskUses {
  const uses = new Map<string, Use[]>()
  for (const host of hosts) {
    const configs = [...host.domains.map(one => one.config), ...(host.lost ?? []).map(one => one.config)]
    for (const config of configs)
      if (config && !dropped(host, config.uuid))
        for (const disk of config.disks) {
          const lun = lunOf(disk)
          const use = { vm: config.uuid, name: config.name, host: host.id, readonly: disk.readonly }
          if (lun !== undefined) uses.set(lun, [...(uses.get(lun) ?? []), use])
        }
  }
  return uses
}

/**
 * Why a VM must not be granted with this config, in words: by another host's word a disk of it is another VM's.
 * @param at the host whose config it is
 */
export function againstDisks(
  config: VmConfig,
  at: HostId,
  uses: DiskUses,
  { evidence }: Pick<Judge, 'evidence'>,
): string | undefined {
  // What is certified does not wait for what is only said.
  const certain = evidence.standing(config.uuid, at) === 'owner'
  for (const disk of config.disks) {
    const other = uses
      .get(lunOf(disk) ?? '')
      ?.find(
        ({ vm, host, readonly }) =>
          vm !== config.uuid &&
          host !== at &&
          !(readonly && disk.readonly) &&
          !(certain && evidence.standing(vm, host) !== 'owner'),
      )
    if (other)
      return `its disk ${disk.vdev} on ${at} is also a disk of ${other.name} (${other.vm}) on ${other.host}: one of the two hosts errs, or lies`
  }
  return undefined
}
