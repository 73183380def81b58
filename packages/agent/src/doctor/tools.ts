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

/** Without it moves are as safe, but a source whose target is silent past the hand-over can only wait. */
const FENCE: readonly [string, string] = ['sg_persist', 'sg3-utils']

export async function checkTools({ files, path, usesIscsi, fences }: DoctorPorts): Promise<Finding[]> {
  const missing: (readonly [string, string])[] = []
  for (const tool of [...ALWAYS, ...(usesIscsi ? [...ISCSI, ...(fences ? [FENCE] : [])] : [])]) {
    const found = await Promise.all(path.split(':').map(folder => files.exists(`${folder}/${tool[0]}`)))
    if (!found.includes(true)) missing.push(tool)
  }
  if (missing.length === 0) return [{ check: 'tools', level: 'ok', text: 'all programs are there' }]
  return missing.map(tool => ({
    check: 'tools',
    level: tool === FENCE ? ('warn' as const) : ('fail' as const),
    text: `${tool[0]} is not installed${tool === FENCE ? ': no storage fence' : ''}`,
    remedy: `apt-get install ${tool[1]}`,
  }))
}
