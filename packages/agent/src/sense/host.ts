/** What is fixed while the host is up: its boot id and its make. */
import { errorChain, HeliotropeError } from '@heliotrope/shared'
import type { Log } from '@heliotrope/shared'
import type { HostFiles } from '../files.js'

/** New at each boot; Xen dies with dom0, so a new one proves that every earlier domain of this host is gone (XEN.md 1.9). */
export async function bootId(files: HostFiles): Promise<string> {
  try {
    return (await files.read('/proc/sys/kernel/random/boot_id')).trim().slice(0, 64)
  } catch (cause) {
    throw new HeliotropeError('unavailable', '/proc/sys/kernel/random/boot_id cannot be read', { cause })
  }
}

/** Manufacturer and model from the firmware; undefined where it says nothing of use. */
export async function hostModel(log: Log): Promise<string | undefined> {
  try {
    // Heavy, and asks the firmware by shell strings of its own: only here, once, at the start.
    const { system } = await import('systeminformation')
    const { manufacturer, model } = await system()
    const text = `${manufacturer} ${model}`.replace(/\s+/g, ' ').trim()
    return text === '' ? undefined : text.slice(0, 120)
  } catch (error) {
    log.warn('the make of this host is not known', { error: errorChain(error) })
    return undefined
  }
}
