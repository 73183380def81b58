/**
 * What a mover process must know of its host. The agent writes it to `RUN_DIR/mover.json` (mode 0600) when it starts, so
 * that a mover needs no parser of the operator's config and starts quickly; paths only, no secrets.
 */
import { readFileSync } from 'node:fs'
import { HeliotropeError } from '@heliotrope/shared'
import type { HostId } from '@heliotrope/shared'
import type { AclCommands } from '../drivers/storage/acl/commands.js'
import type { LocalDisks } from '../drivers/storage/local-disks.js'

export interface MoverSettings {
  host: HostId
  journalFile: string
  keyFile: string
  certificateFile: string
  caFile: string
  /** Fingerprints of the coordinator keys this host trusts. */
  coordinatorKeys: string[]
  bootId: string
  /** iSCSI portals this host may log in to. */
  portals: string[]
  /** Disks of this host that VMs may have. */
  local: LocalDisks[]
  /** Which disks are fenced by reservations. */
  fence: 'auto' | 'pr' | 'none'
  acl?: AclCommands | undefined
  /** Folders from which a guest that arrives here may take kernel, ramdisk or bootloader. */
  bootFolders: string[]
  dataDir: string
  logLevel: string
}

/** @throws bad-config naming the file and what is missing */
export function readSettings(file: string): MoverSettings {
  const wanted: (keyof MoverSettings)[] = [
    'host',
    'journalFile',
    'keyFile',
    'certificateFile',
    'caFile',
    'coordinatorKeys',
    'bootId',
    'portals',
    'local',
    'fence',
    'bootFolders',
    'dataDir',
    'logLevel',
  ]
  try {
    const settings = JSON.parse(readFileSync(file, 'utf8')) as MoverSettings
    const missing = wanted.filter(key => settings[key] === undefined)
    if (missing.length > 0) throw new HeliotropeError('bad-config', `${file} lacks ${missing.join(', ')}`)
    return settings
  } catch (cause) {
    if (cause instanceof HeliotropeError) throw cause
    throw new HeliotropeError('bad-config', `${file} cannot be read`, {
      cause,
      remedy: 'heliotrope-agent run writes it at its start',
    })
  }
}
