/** Who on this host holds a block device open: a guest's block backend, a mount, device mapper. */
import { basename } from 'node:path'
import type { HostFiles } from '../../../files.js'

/** Follows links: a name that udev has not removed yet is no disk. */
export const deviceExists = (files: HostFiles, path: string): Promise<boolean> =>
  files.changedAt(path).then(
    () => true,
    () => false,
  )

/** @returns in words, or undefined if nobody does. */
export async function userOfDevice(files: HostFiles, path: string): Promise<string | undefined> {
  const link = await files.link(path)
  const name = basename(link ?? path)
  const number = await files.read(`/sys/class/block/${name}/dev`).then(
    text => text.trim(),
    () => undefined,
  )
  if (number === undefined) return undefined
  const wanted = number.split(':').map(Number).join(':')
  for (const backend of await files.list('/sys/bus/xen-backend/devices')) {
    const domid = /^vbd-(\d+)-/.exec(backend)?.[1]
    if (domid === undefined) continue
    const physical = await files
      .read(`/sys/bus/xen-backend/devices/${backend}/physical_device`)
      .catch(() => '')
    // blkback prints hex, /sys prints decimal.
    const has = physical
      .trim()
      .split(':')
      .map(part => Number.parseInt(part, 16))
      .join(':')
    if (has === wanted) return `domain ${domid}`
  }
  const holders = await files.list(`/sys/class/block/${name}/holders`)
  if (holders[0] !== undefined) return holders[0]
  const mounts = await files.read('/proc/mounts').catch(() => '')
  const mount = mounts.split('\n').find(line => line.startsWith(`/dev/${name} `))
  return mount && `the mount ${mount.split(' ')[1]}`
}
