/** Why a VM cannot be moved from this host, in words for people. */
import type { LibxlConfig } from './parse-config.js'

/** Devices that stand on this host's hardware or files, or that the target would not rebuild (XEN.md 1.4, 1.6). */
const DEVICES = {
  pcidevs: 'PCI passthrough: a guest with its own hardware cannot be migrated',
  dtdevs: 'device tree passthrough: a guest with its own hardware cannot be migrated',
  usbctrls: 'USB passthrough: a guest with its own hardware cannot be migrated',
  usbdevs: 'USB passthrough: a guest with its own hardware cannot be migrated',
  vtpms: 'virtual TPM: its state does not travel with the guest',
  p9: '9pfs share: its files are on this host',
  p9s: '9pfs share: its files are on this host',
} as const

/**
 * Why it cannot be copied while it runs.
 * @param virtCaps `virt_caps` of `xl info` on this host
 */
export function liveBlockers(libxl: LibxlConfig, virtCaps: readonly string[]): string[] {
  const { c_info: create } = libxl.config
  const blockers: string[] = []
  if (create.type === 'pv' && !virtCaps.includes('shadow'))
    blockers.push(
      "PV guest: this hypervisor is built without shadow paging (xl info virt_caps lacks 'shadow'), " +
        'it cannot be migrated live; xl save / restore works',
    )
  if (create.type !== 'pv' && !virtCaps.includes('hap') && !virtCaps.includes('shadow'))
    blockers.push(
      "no log-dirty mode: xl info virt_caps has neither 'hap' nor 'shadow', it cannot be migrated live",
    )
  return [...blockers, ...regularBlockers(libxl)].slice(0, 20)
}

/** Why it cannot be saved here and restored elsewhere either: no log-dirty mode is needed for that, all else is. */
export function regularBlockers(libxl: LibxlConfig): string[] {
  const { b_info: build, ...rest } = libxl.config
  const blockers = new Set<string>()
  for (const [key, text] of Object.entries(DEVICES) as [keyof typeof DEVICES, string][])
    if ((rest[key]?.length ?? 0) > 0) blockers.add(text)
  if ((build.vnuma_nodes?.length ?? 0) > 0) blockers.add('vNUMA: Xen cannot save a guest with vNUMA')
  if (isTrue(build.nested_hvm) || isTrue(build['type.hvm']?.nested_hvm))
    blockers.add('nested virtualisation: not supported by live migration')
  for (const disk of rest.disks ?? []) {
    if (!disk.pdev_path)
      blockers.add(`drive ${disk.vdev} is empty: remove it (xl block-detach) before a move`)
    else if (disk.script)
      blockers.add(
        `disk ${disk.vdev} needs the block script ${disk.script}: give Xen the device itself (phy:)`,
      )
    else if (!isBlockDevice(disk))
      blockers.add(
        `disk ${disk.vdev} is served by ${disk.backend ?? 'a file of dom0'}: its page cache stays on this host; ` +
          'use a block device (phy:)',
      )
  }
  return [...blockers].map(text => text.slice(0, 400)).slice(0, 20)
}

const isTrue = (flag: string | undefined): boolean => flag?.toLowerCase() === 'true'

/**
 * Served by blkback. libxl writes no backend into the config where it chose one itself, which is blkback for a raw
 * block device (libxl_device.c, disk_try_backend).
 */
function isBlockDevice(disk: {
  backend?: string | undefined
  pdev_path?: string | null | undefined
  format?: string | undefined
}): boolean {
  if (disk.backend !== undefined) return disk.backend === 'phy'
  return (disk.format ?? 'raw') === 'raw' && (disk.pdev_path ?? '').startsWith('/dev/')
}
