/** From the name of a block device in dom0 to where its blocks are. */
import type { DiskSource } from '@heliotrope/shared'

/** udev's name of an iSCSI disk: `/dev/disk/by-path/ip-PORTAL-iscsi-IQN-lun-N` (60-persistent-storage.rules). */
const BY_PATH = /^\/dev\/disk\/by-path\/(?:pci-.*-)?ip-(\S+:\d{1,5})-iscsi-((?:iqn|eui|naa)\.\S+)-lun-(\d+)$/

export function diskSource(path: string): DiskSource {
  const [, portal, iqn, lun] = BY_PATH.exec(path) ?? []
  if (portal === undefined || iqn === undefined) return { kind: 'local', path }
  return { kind: 'iscsi', portal, iqn, lun: Number(lun) }
}

export const iscsiPath = (source: { portal: string; iqn: string; lun: number }): string =>
  `/dev/disk/by-path/ip-${source.portal}-iscsi-${source.iqn}-lun-${source.lun}`
