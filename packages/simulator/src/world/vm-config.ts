/** The config that a simulated VM was made with. */
import type { Disk, VmConfig } from '@heliotrope/shared'
import { BRIDGE, PORTAL } from './spec.js'
import type { VmSpec } from './spec.js'

export function configOf(vm: VmSpec): VmConfig {
  return {
    uuid: vm.uuid,
    name: vm.name,
    type: vm.type,
    memoryMiB: vm.memoryMiB,
    maxMemoryMiB: vm.memoryMiB,
    vcpus: vm.vcpus,
    disks: [diskOf(vm)],
    vifs: [{ mac: macOf(vm), bridge: BRIDGE }],
    onPoweroff: 'destroy',
    onReboot: 'restart',
    onCrash: vm.onCrash ?? 'preserve',
  }
}

function diskOf(vm: VmSpec): Disk {
  if (vm.localDisk)
    return {
      vdev: 'xvda',
      path: `/dev/vg0/${vm.name}`,
      readonly: false,
      source: { kind: 'local', path: `/dev/vg0/${vm.name}` },
    }
  const iqn = `iqn.2026-01.org.heliotrope:${vm.name}`
  const path = `/dev/disk/by-path/ip-${PORTAL}-iscsi-${iqn}-lun-1`
  return { vdev: 'xvda', path, readonly: false, source: { kind: 'iscsi', portal: PORTAL, iqn, lun: 1 } }
}

/** Xen's own prefix, then the last three bytes of the uuid. */
const macOf = (vm: VmSpec): string => `00:16:3e:${(vm.uuid.slice(-6).match(/../g) as string[]).join(':')}`
