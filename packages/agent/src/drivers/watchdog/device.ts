/**
 * A watchdog of the kernel as a file (Documentation/watchdog/watchdog-api.rst): opening arms it, each byte written feeds it,
 * and a `V` before the close disarms it; a close without one, by a crash, leaves it armed. With xen_wdt it is the
 * hypervisor that reboots the machine, however dom0 hangs.
 */
import { constants } from 'node:fs'
import { HeliotropeError } from '@heliotrope/shared'
import type { HostFiles } from '../../files.js'

export interface ArmedWatchdog {
  feed(): Promise<void>
  /** It does nothing any more from here on. */
  disarm(): Promise<void>
}

/** Arms it. @throws unavailable | conflict | refused, with the remedy; then nothing is armed that was not before */
export type ArmWatchdog = () => Promise<ArmedWatchdog>

/** As much of node:fs/promises. */
export type OpenDevice = (
  path: string,
  flags: number,
) => Promise<{
  write(data: string): Promise<unknown>
  close(): Promise<void>
  stat(): Promise<{ isCharacterDevice(): boolean }>
}>

export const watchdogDevice =
  (open: OpenDevice, files: HostFiles, device: string): ArmWatchdog =>
  async () => {
    if ((await watchdogFacts(files, device)).nowayout)
      throw new HeliotropeError('refused', `${device} cannot be disarmed once it is armed (nowayout)`, {
        remedy: 'load its module with nowayout=0: each stop of the agent would reboot this host',
      })
    // Not 'w': that would make a file where there is no device, and call it armed.
    const file = await open(device, constants.O_WRONLY).catch((cause: NodeJS.ErrnoException) => {
      throw notOpen(device, cause)
    })
    if (!(await file.stat()).isCharacterDevice()) {
      await file.close()
      throw new HeliotropeError('refused', `${device} is no device`, {
        remedy: `rm ${device}; ${LOAD_XEN_WDT}`,
      })
    }
    return {
      feed: async () => void (await file.write('\0')),
      async disarm() {
        await file.write('V')
        await file.close()
      },
    }
  }

export interface WatchdogFacts {
  /** What its driver calls it. */
  identity?: string
  /** Unfed for so long it reboots the host. */
  timeoutS?: number
  nowayout: boolean
}

/** What sysfs says of it; nothing where the kernel does not tell. */
export async function watchdogFacts(files: HostFiles, device: string): Promise<WatchdogFacts> {
  const name = device.slice(device.lastIndexOf('/') + 1)
  const read = (key: string): Promise<string | undefined> =>
    // The device without a number is the first one.
    files.read(`/sys/class/watchdog/${name === 'watchdog' ? 'watchdog0' : name}/${key}`).then(
      text => text.trim(),
      () => undefined,
    )
  const [identity, timeout, nowayout] = await Promise.all(['identity', 'timeout', 'nowayout'].map(read))
  return {
    ...(identity !== undefined && { identity }),
    ...(Number(timeout) > 0 && { timeoutS: Number(timeout) }),
    nowayout: nowayout === '1',
  }
}

export const LOAD_XEN_WDT =
  'modprobe xen_wdt; and echo xen_wdt > /etc/modules-load.d/xen_wdt.conf for each boot'

function notOpen(device: string, cause: NodeJS.ErrnoException): HeliotropeError {
  if (cause.code === 'ENOENT' || cause.code === 'ENODEV' || cause.code === 'ENXIO')
    return new HeliotropeError('unavailable', `there is no ${device}`, { cause, remedy: LOAD_XEN_WDT })
  if (cause.code === 'EBUSY')
    return new HeliotropeError('conflict', `somebody else feeds ${device}`, {
      cause,
      remedy: 'one of: systemd (RuntimeWatchdogSec), watchdog, wdmd; switch it off, or name another device',
    })
  return new HeliotropeError('unavailable', `${device} cannot be opened (${cause.code ?? cause.message})`, {
    cause,
    remedy: 'run as root, and see what the systemd unit takes away (DevicePolicy)',
  })
}
