/**
 * Node records that a power cut has emptied. open-iscsi writes them without syncing, and `iscsiadm` (2.1) can then neither
 * read nor replace nor delete the record: each command about it ends with 6 until the file is gone. Seen in the lab.
 */
import type { HostFiles } from '../../../files.js'
import type { Target } from './commands.js'

/** Where open-iscsi keeps them: Debian 13, Debian 12. */
const FOLDERS = ['/var/lib/iscsi/nodes', '/etc/iscsi/nodes']

/** @returns the files of this target's records that hold nothing; a record with anything in it is left to people */
export async function emptyRecords(files: HostFiles, { iqn, portal }: Target): Promise<string[]> {
  const colon = portal.lastIndexOf(':')
  // `ADDRESS,PORT`, or `ADDRESS,PORT,TPGT` as a folder with a file for each interface.
  const name = `${portal.slice(0, colon).replace(/^\[|\]$/g, '')},${portal.slice(colon + 1)}`
  const empty: string[] = []
  for (const folder of FOLDERS)
    for (const entry of await files.list(`${folder}/${iqn}`)) {
      if (entry !== name && !entry.startsWith(`${name},`)) continue
      const path = `${folder}/${iqn}/${entry}`
      const inside = await files.list(path)
      for (const file of inside.length > 0 ? inside.map(one => `${path}/${one}`) : [path])
        if ((await files.read(file).catch(() => 'unreadable')).trim() === '') empty.push(file)
    }
  return empty
}
