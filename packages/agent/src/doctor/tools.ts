/** The programs the agent and its movers run. */
import type { Finding } from '@heliotrope/shared'
import type { DoctorPorts } from './ports.js'

/** Program, Debian's package. */
const ALWAYS: readonly (readonly [string, string])[] = [
  ['xl', 'xen-utils-common'],
  ['xenstore-watch', 'xenstore-utils'],
  ['blockdev', 'util-linux'],
]
const ISCSI: readonly (readonly [string, string])[] = [['iscsiadm', 'open-iscsi']]

export async function checkTools({ files, path, usesIscsi }: DoctorPorts): Promise<Finding[]> {
  const missing: (readonly [string, string])[] = []
  for (const tool of [...ALWAYS, ...(usesIscsi ? ISCSI : [])]) {
    const found = await Promise.all(path.split(':').map(folder => files.exists(`${folder}/${tool[0]}`)))
    if (!found.includes(true)) missing.push(tool)
  }
  if (missing.length === 0) return [{ check: 'tools', level: 'ok', text: 'all programs are there' }]
  return missing.map(([tool, debian]) => ({
    check: 'tools',
    level: 'fail',
    text: `${tool} is not installed`,
    remedy: `apt-get install ${debian}`,
  }))
}
