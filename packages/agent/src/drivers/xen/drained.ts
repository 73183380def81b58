/**
 * Nothing of a domain is queued or in flight at its block backends any more (XEN.md 1.7): a write that is still on
 * its way here must not land after newer writes of the target.
 */
import type { HostFiles } from '../../files.js'

const BACKENDS = '/sys/bus/xen-backend/devices'

/** One look: what each backend has counted, and what is in flight below it. */
export interface BlockLook {
  /** Device nodes to flush, e.g. `/dev/sda`. */
  devices: string[]
  /** Requests counted by blkback so far; two equal looks mean that none came in between. */
  counted: string
  idle: boolean
}

/**
 * @throws the system's own error if a backend's files cannot be read: not knowing is not being drained
 */
export async function lookAtBlockDevices(files: HostFiles, domid: number): Promise<BlockLook> {
  const devices: string[] = []
  const counted: string[] = []
  let idle = true
  for (const name of await files.list(BACKENDS)) {
    if (!name.startsWith(`vbd-${domid}-`)) continue
    // blkback prints major:minor in hex (VBD_SHOW(physical_device, "%x:%x\n", …) in xen-blkback/xenbus.c).
    const [major, minor] = (await files.read(`${BACKENDS}/${name}/physical_device`))
      .trim()
      .split(':')
      .map(part => Number.parseInt(part, 16))
    const block = `/sys/dev/block/${major}:${minor}`
    const inflight = (await files.read(`${block}/inflight`)).trim().split(/\s+/)
    idle &&= inflight.length === 2 && inflight.every(count => count === '0')
    for (const statistic of await files.list(`${BACKENDS}/${name}/statistics`))
      if (statistic.endsWith('_req'))
        counted.push(
          `${name}/${statistic}=${(await files.read(`${BACKENDS}/${name}/statistics/${statistic}`)).trim()}`,
        )
    const device = /^DEVNAME=(.+)$/m.exec(await files.read(`${block}/uevent`))?.[1]
    if (device) devices.push(`/dev/${device}`)
  }
  return { devices, counted: counted.join(' '), idle }
}
