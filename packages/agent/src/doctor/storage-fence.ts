/** VMs whose old host could still write after a move, and whose source can only wait for a target that falls silent. */
import type { Finding } from '@heliotrope/shared'
import type { DoctorPorts } from './ports.js'

const check = 'storage-fence'

/** Nothing is said where the operator wants none. The text begins with the VM's name: explain shows it. */
export async function checkStorageFence({ fenceOf, hypervisor, inMove }: DoctorPorts): Promise<Finding[]> {
  if (!fenceOf) return []
  const findings: Finding[] = []
  for (const { domid, name, uuid } of (await hypervisor.list()).domains) {
    if (inMove(uuid)) continue
    const { config } = await hypervisor.inspect(domid)
    const open: string[] = []
    for (const disk of config.disks ?? [])
      if (disk.source.kind === 'iscsi' && !disk.readonly && (await fenceOf(disk)) === 'none')
        open.push(disk.vdev)
    if (open.length > 0)
      findings.push({
        check,
        level: 'warn',
        text: `${name}: no storage fence on ${open.join(', ')}`,
        remedy: 'README of the agent, "The storage fence": reservations of the target, or storage.acl',
      })
  }
  return findings
}
